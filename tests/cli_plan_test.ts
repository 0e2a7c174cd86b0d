import { assert, assertEquals } from "@std/assert";
import type { Answer } from "../src/cli/plan/answer.ts";
import {
  adaptiveSoftmax,
  DEVICES,
  logitsBytes,
  maxBatch,
  memory,
  methodWork,
  plan,
  roofline,
  sampledSoftmax,
} from "../src/cost/mod.ts";
import { commandLine, type Ended } from "./command_line.ts";

/** With the permissions that the task gives it. */
const surprisal = commandLine("--allow-read", "--allow-write");

const GPT2 = ["--model", "gpt2", "--batch", "16", "--dtype", "f16", "--device", "a100-40gb"];

async function answered(...args: string[]): Promise<Answer> {
  return readAnswer(await surprisal("plan", "--json", ...args));
}

function readAnswer({ code, out, err }: Ended): Answer {
  assertEquals([code, err], [0, ""]);
  return JSON.parse(out);
}

/** Numbers as JSON has them. */
function inJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

Deno.test("plan says what GPT-2's loss costs on an A100", async () => {
  const { model, head, device, room, methods, ...rest } = await answered(...GPT2);
  assertEquals([model?.name, device.id, rest.logitsBytes], ["GPT-2", "a100-40gb", 1_646_821_376]);
  assertEquals([head.batch, head.sequence, head.vocab, head.hidden], [16, 1024, 50_257, 768]);
  assertEquals(room?.usableBytes, 40 * 2 ** 30);
  const [textbook, fused, inPlace, linearChunks] = methods;
  assertEquals(textbook.peakBytes, 3 * 1_646_821_376);
  assertEquals(inPlace.peakBytes, 1_646_821_376 + 8 * 16 * 1024);
  assertEquals([textbook, fused, inPlace].map(({ largestBatch }) => largestBatch), [139, 208, 417]);
  // Six chunks of up to 3,276 rows, each of 33 tiles of 1,536 classes, each with two sweeps and four products
  assertEquals([textbook, inPlace, linearChunks].map(({ work }) => work.launches), [7, 4, 6 * 33 * 6]);
  assertEquals(linearChunks.peakBytes, 4 * 3276 * 1536 + 8 * 16 * 1024);
  assertEquals(textbook.speedup, 1);
});

Deno.test("plan prints a table that people can read", async () => {
  const { code, out, err } = await surprisal("plan", ...GPT2, "--budget", "10 GB");
  assertEquals([code, err], [0, ""]);
  const lines = out.split("\n");
  assertEquals(lines[0], "GPT-2, 16 × 1,024 tokens × 50,257 classes, f16: logits of 1.65 GB = 1.53 GiB");
  assert(lines[1].startsWith("On NVIDIA A100 SXM 40 GB: 42.95 GB = 40.00 GiB at "), lines[1]);
  assert(lines[1].endsWith("; 10.00 GB = 9.31 GiB may be used"), lines[1]);
  const row = (name: string) => lines.find((line) => line.startsWith(`${name} `))?.trim().split(/ {2,}/);
  assertEquals(row("textbook")?.slice(1, 4), ["4.94 GB", "4.60 GiB", "1.65 GB"]);
  assertEquals(row("textbook")?.slice(6), ["1.00 ×", "32"]);
  assertEquals(row("inPlace")?.at(-1), "97");
  assert(out.includes("saves 3.29 GB = 3.07 GiB"), out);
  assertEquals(lines.filter((line) => line.length > 120), []);
});

Deno.test("plan's numbers are those of the cost functions", async () => {
  const cases = [
    { args: [...GPT2, "--budget", "24 GiB", "--reserved", "1.5GB", "--fraction", "0.9"], device: "a100-40gb" },
    { args: ["--vocab", "50257", "--batch", "512", "--device", "desktop-cpu"], device: "desktop-cpu" },
    { args: ["--vocab", "3", "--device", "t4", "--dtype", "bf16", "--cutoffs", "1,2"], device: "t4" },
    {
      args: ["--model", "llama3-8b", "--vocab", "32000", "--sequence", "9", "--samples", "77", "--top", "5"],
      device: "a100-40gb",
    },
    { args: ["--vocab", "1000", "--hidden", "64", "--batch", "100", "--chunk", "1 MB"], device: "a100-40gb" },
  ];
  for (const { args, device } of cases) {
    const { head, logitsBytes: bytes, room, methods } = await answered(...args);
    assertEquals(bytes, logitsBytes(head));
    const [{ roofline: textbook }] = methods;
    const { batch: _, ...sizes } = head, { usableBytes, ...budget } = room!;
    assertEquals(usableBytes, budget.fraction * budget.budgetBytes - budget.reservedBytes);
    for (const { method, work, largestBatch, speedup, roofline: found, ...held } of methods) {
      assertEquals({ method, ...held }, memory(method, head));
      assertEquals(work, methodWork(method, head));
      assertEquals(found, inJson(roofline({ ...work, dtype: head.dtype }, DEVICES[device])));
      assertEquals(speedup, textbook.seconds / found.seconds);
      assertEquals(largestBatch, maxBatch({ ...sizes, ...budget, method }));
    }
  }
});

Deno.test("plan takes its sizes from options before it takes them from a model", async () => {
  const { head } = await answered("--model", "llama3-8b", "--vocab", "32000", "--hidden", "8", "--samples", "77");
  assertEquals([head.vocab, head.hidden, head.sequence, head.samples, head.top], [32_000, 8, 8192, 77, 64]);
});

Deno.test("plan says what would help, in numbers", async () => {
  const { head, help, methods } = await answered("--vocab", "50257", "--batch", "512");
  const { vocab, batch, samples } = head;
  const [half, inPlace, sampled, adaptive] = help.map(({ numbers }) => numbers);
  assertEquals(half.savedBytes, 2 * 512 * 50_257 * 2);
  assertEquals(inPlace.savedBytes, methods[0].peakBytes - methods[2].peakBytes);
  assertEquals(inPlace.speedup, methods[2].speedup);
  const cost = sampledSoftmax({ vocab, samples, rows: batch });
  assertEquals(sampled, { share: (samples + 1) / vocab, ...cost });
  assertEquals(adaptive.speedup, adaptiveSoftmax({ vocab }).speedup);
  assertEquals((await answered(...GPT2)).help.length, 4);
  // One class: nothing to leave out, and two numbers a row are more than a row
  assertEquals((await answered("--vocab", "1", "--dtype", "f16")).help, []);
});

Deno.test("plan draws a roofline and memory", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [roofline, memory] = [`${folder}/roofline.svg`, `${folder}/memory.svg`];
    await answered(...GPT2, "--plot", roofline, "--plot-memory", memory);
    await answered("--vocab", "9", "--device", "server-cpu", "--plot", `${folder}/cpu.png`);
    const many = `${folder}/many.svg`;
    await answered("--vocab", "50257", "--budget", "10 GB", "--plot-memory", many);
    const [work, bytes] = await Promise.all([roofline, memory].map((path) => Deno.readTextFile(path)));
    const pictures = ["roofline", "memory"].map((name) => new URL(`../bench/pictures/${name}.svg`, import.meta.url));
    assertEquals([work, bytes], pictures.map((url) => Deno.readTextFileSync(url)), "the README's pictures");
    for (const svg of [work, bytes]) {
      assert(svg.startsWith("<svg"));
      assertEquals(/NaN|Infinity|undefined|null/.exec(svg), null);
      for (const text of ["NVIDIA A100 SXM 40 GB", "textbook", "inPlace", "topK"]) {
        assert(svg.includes(`>${text}<`), text);
      }
    }
    for (const text of ["matrix units, f16, 312 TFLOP/s", "vector units, 19.5 TFLOP/s"]) {
      assert(work.includes(text), text);
    }
    for (const text of ["all of its memory, 42.9 GB", ">1,024<"]) assert(bytes.includes(text), text);
    // Eighteen batches, whose labels are powers of two still
    assert((await Deno.readTextFile(many)).includes(">65,536<"));
    assertEquals([...(await Deno.readFile(`${folder}/cpu.png`)).subarray(1, 4)], [0x50, 0x4e, 0x47]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("plan measures this machine, and asks nobody how much memory it has", async () => {
  const args = ["--vocab", "1000", "--batch", "64", "--device", "this"];
  const [unknown, told, allowed] = [
    await answered(...args),
    await answered(...args, "--budget", "1 GB"),
    readAnswer(await commandLine("--allow-read", "--allow-sys")("plan", "--json", ...args)),
  ];
  assertEquals([unknown.device.memoryBytes, unknown.room, unknown.methods[0].largestBatch], Array(3).fill(undefined));
  assertEquals([told.room?.budgetBytes, told.methods[0].largestBatch], [1e9, Math.floor(1e9 / 12_000)]);
  assertEquals(allowed.room?.budgetBytes, Deno.systemMemoryInfo().total);
  const { machine, plan: found } = told.here!;
  const expected = plan("crossEntropy", { rows: 64, vocab: 1000 }, { machine, inputs: { outputs: ["gradient"] } });
  assertEquals(found, inJson(expected));
  const { code, out } = await surprisal("plan", ...args);
  assertEquals(code, 0);
  assertEquals(out.match(/← auto/g)?.length, 1);
  assert(out.includes("\nwebgpu, not measured "), out);
});

Deno.test("plan refuses what makes no sense with code 2 and a line that names it", async () => {
  const wrong: readonly (readonly [named: string, ...args: string[]])[] = [
    ["'--vocab'"],
    ["'--vocab' is '0'", "--vocab", "0"],
    ["'--vocab' is '1e5'", "--vocab", "1e5"],
    ["'--model' is 'gpt5'", "--model", "gpt5"],
    ["'--batch' is '-1'", "--model", "gpt2", "--batch=-1"],
    ["'--sequence' is '0.5'", "--model", "gpt2", "--sequence", "0.5"],
    ["'--hidden' is 'x'", "--model", "gpt2", "--hidden", "x"],
    ["'--dtype' is 'f8'", "--model", "gpt2", "--dtype", "f8"],
    ["'--device' is 'a100'", "--model", "gpt2", "--device", "a100"],
    ["'--budget' is '10 XB'", "--model", "gpt2", "--budget", "10 XB"],
    ["'--budget' is '0'", "--model", "gpt2", "--budget", "0"],
    ["'--reserved' is 99.00 TB", "--model", "gpt2", "--reserved", "99 TB"],
    ["'--fraction' is '1.5'", "--model", "gpt2", "--fraction", "1.5"],
    ["'--fraction' is '0'", "--model", "gpt2", "--fraction", "0"],
    ["'--samples' is '11'", "--vocab", "10", "--samples", "11"],
    ["'--top' is '11'", "--vocab", "10", "--top", "11"],
    ["'--cutoffs' is '5,3'", "--vocab", "10", "--cutoffs", "5,3"],
    ["'--cutoffs' is '5,10'", "--vocab", "10", "--cutoffs", "5,10"],
    ["'--chunk' is '0 B'", "--vocab", "10", "--chunk", "0 B"],
    ["'a.pdf'", "--vocab", "10", "--plot", "a.pdf"],
    ["'none/a.svg'", "--vocab", "10", "--plot-memory", "none/a.svg"],
    ["'--batch'", "--vocab", "1000000000", "--batch", "1000000000"],
    ["'--hidden'", "--vocab", "2", "--batch", "1000000000", "--hidden", "100000000"],
    ["2147483647", "--vocab", "10", "--batch", "1000000000", "--sequence", "10", "--device", "this"],
    ["'--budget'", "--vocab", "10", "--device", "this", "--plot-memory", "a.svg"],
  ];
  for (const [named, ...args] of wrong) {
    const { code, out, err } = await surprisal("plan", ...args);
    assertEquals([code, out], [2, ""], args.join(" ") + err);
    assert(/^surprisal: .*\n$/.test(err) && err.includes(named), err);
  }
});
