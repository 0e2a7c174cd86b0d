/** Held-out logits in files, and what `surprisal compare` says of them. */
import { createSafetensors } from "../../io/mod.ts";
import { type Output, readArguments } from "../command.ts";
import { compareTask } from "../evaluation/compare/task.ts";
import { OPTIONS, readRequest } from "../evaluation/request.ts";
import { run } from "../evaluation/run.ts";
import type { Corpus } from "./corpus.ts";
import type { Model } from "./model.ts";
import { roundToBf16 } from "./rounding.ts";
import { rowWriter } from "./rows.ts";

/** The files' names. */
const BASE = "f32.safetensors", OTHER = "bf16.safetensors", TARGETS = "targets.txt";

/** Writes the first held-out positions as f32 and as bf16, reads both back and compares them; the folder is gone after. */
export async function compareFiles(model: Model, corpus: Corpus, rows: number): Promise<Output> {
  const folder = await Deno.makeTempDir({ prefix: "surprisal-demo-" });
  try {
    return await compareIn(folder, model, corpus, rows);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The same in a folder, which keeps the files. */
export async function compareIn(folder: string, model: Model, corpus: Corpus, rows: number): Promise<Output> {
  const { tokens, trainingTokens } = corpus;
  await writeRows(folder, model, corpus, rows);
  await Deno.writeTextFile(
    `${folder}/${TARGETS}`,
    tokens.subarray(trainingTokens, trainingTokens + rows).join("\n") + "\n",
  );
  const request = await readRequest(readArguments(["--targets", TARGETS], OPTIONS).values);
  const { record, text, exitCode } = await run(compareTask(BASE, OTHER), { ...request, folder });
  return { record, text: `surprisal compare ${BASE} ${OTHER} --targets ${TARGETS}\n\n${text}`, exitCode };
}

async function writeRows(
  folder: string,
  model: Model,
  { tokens, trainingTokens, vocab }: Corpus,
  rows: number,
): Promise<void> {
  const row = rowWriter(model), shape = [1, vocab] as const;
  const single = { data: new Float32Array(vocab), shape },
    half = { data: new Uint16Array(vocab), shape, dtype: "bf16" } as const;
  await using whole = await createSafetensors(`${folder}/${BASE}`, { shape: [rows, vocab], dtype: "f32" });
  await using rounded = await createSafetensors(`${folder}/${OTHER}`, { shape: [rows, vocab], dtype: "bf16" });
  for (let i = 0; i < rows; i++) {
    row.write(single.data, tokens, trainingTokens + i);
    roundToBf16(single.data, half.data);
    await Promise.all([whole.write(single), rounded.write(half)]);
  }
}
