// The most memory that files can make their readers take: headers that are as large as they may be, and the most targets.

import { assertEquals, assertLess } from "@std/assert";
import { inFolder } from "./folder.ts";
import { joined, npy, safetensors } from "./io_cases.ts";

const MOST_MIB = 64;

/** Bytes that a header of each format may have. */
const TENSORS_BYTES = 2 ** 19, NPY_BYTES = 2 ** 16;

/** A text around as many numbered pieces as there is room for. */
function filled(before: string, piece: (i: number) => string, after: string, bytes: number): string {
  const pieces: string[] = [];
  for (let i = 0, length = before.length + after.length; (length += piece(i).length) < bytes; i++) {
    pieces.push(piece(i));
  }
  return before + pieces.join("") + after;
}

const key = (i: number) => i.toString(36);

const FILES: Readonly<Record<string, () => Uint8Array<ArrayBuffer>>> = {
  "tensors of nothing": () => tensors('{"":0', (i) => `,"${key(i)}":{}`, "}"),
  "tensors without elements": () =>
    tensors('{"__metadata__":{}', (i) => `,"${key(i)}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`, "}"),
  "metadata": () => tensors('{"__metadata__":{"":""', (i) => `,"${key(i)}":""`, "}}"),
  "dimensions of a tensor": () => tensors('{"t":{"dtype":"F32","shape":[1', () => ",1", '],"data_offsets":[0,4]}}'),
  "lists in lists": () => tensors('{"t":', () => "[", ""),
  "spaces in a header": () => npy(" ".repeat(NPY_BYTES)),
  "dimensions of an array": () =>
    npy(filled("{'descr': '<f4', 'fortran_order': False, 'shape': (", () => "1,", "), }", NPY_BYTES)),
  "long rows": () => npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 4000000), }", new Uint8Array(32e6)),
};

const TARGETS: Readonly<Record<string, () => Uint8Array<ArrayBuffer>>> = {
  "eight million targets in a text": () => joined("1\n".repeat(2 ** 23)),
  "eight million targets in an array": () =>
    npy(`{'descr': '<i8', 'fortran_order': False, 'shape': (${2 ** 23},), }`, new Uint8Array(2 ** 26)),
};

function tensors(before: string, piece: (i: number) => string, after: string): Uint8Array<ArrayBuffer> {
  return safetensors(filled(before, piece, after, TENSORS_BYTES));
}

async function peakMib(what: "nothing" | "rows" | "targets", path: string): Promise<number> {
  const script = new URL("io_peak.ts", import.meta.url).href;
  const args = ["run", "--quiet", "--allow-all", script, what, path];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" } }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  return Number(new TextDecoder().decode(stdout)) / 1024;
}

/** Only Linux says how much a process has had at most. A row of f32 is the caller's. */
Deno.test({
  name: `no file takes more than ${MOST_MIB} MiB`,
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (folder) => {
      const before = await peakMib("nothing", "");
      const all = [
        ...Object.entries(FILES).map(([name, make]) => ["rows", name, make] as const),
        ...Object.entries(TARGETS).map(([name, make]) => ["targets", name, make] as const),
      ];
      for (const [what, name, make] of all) {
        const path = `${folder}/file`;
        await Deno.writeFile(path, make());
        assertLess(await peakMib(what, path) - before, MOST_MIB, name);
      }
    }),
});
