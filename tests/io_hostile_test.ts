// Files that are not what they say they are: each an error that names where, and nothing is read past the end.

import { assertEquals, assertRejects } from "@std/assert";
import { FileFormatError, openRows, readTargets } from "../src/io/mod.ts";
import { inFolder } from "./folder.ts";
import { files, inPieces, joined, npy, readAll, safetensors } from "./io_cases.ts";
import { normalRows } from "./matrices.ts";
import { Random } from "./random.ts";

const header = (descr: string, shape: string, order = "False") =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
const tensor = (dtype: string, shape: unknown, data_offsets: unknown) => ({ t: { dtype, shape, data_offsets } });
const eight = new Uint8Array(8);
const base = (context: number, vocab: number, chunks: number, ...tokens: number[]) =>
  joined("_logits_", Int32Array.of(context, vocab, chunks, ...tokens));

const HOSTILE: readonly [what: string, bytes: Uint8Array<ArrayBuffer>, offset: number, message: string][] = [
  ["nothing", new Uint8Array(), 0, "the file ends here"],
  ["too little", Uint8Array.of(1, 2, 3), 3, "the file ends here"],
  ["another format", joined("GGUF....more"), 0, "begins no .npy, safetensors or"],
  ["a later version", joined("\x93NUMPY\x04\x00", eight), 6, "version 4.0 is none of"],
  ["no header length", joined("\x93NUMPY\x01\x00", Uint8Array.of(9)), 9, "the file ends here"],
  [
    "a header past the end",
    joined("\x93NUMPY\x01\x00", Uint16Array.of(70), "{}"),
    8,
    "header length 70 is beyond the file's 12",
  ],
  ["a huge header", joined("\x93NUMPY\x02\x00", Uint32Array.of(2 ** 32 - 1), "{}"), 8, "header length 4294967295"],
  ["Fortran order", npy(header("<f4", "(1, 2)", "True"), eight), 44, "fortran_order is True"],
  ["a negative size", npy(header("<f4", "(-1, 2)"), eight), 61, "a dimension, or ')'"],
  ["a fractional size", npy(header("<f4", "(1.5, 2)"), eight), 61, "a dimension, or ')'"],
  ["an overflowing shape", npy(header("<f4", "(9007199254740991, 3)"), eight), 60, "more than 2^53 - 1 bytes"],
  [
    "a header of megabytes",
    joined("\x93NUMPY\x02\x00", Uint32Array.of(70_000), new Uint8Array(70_000)),
    8,
    "more than 65536",
  ],
  ["65 dimensions", npy(header("<f4", `(${"1,".repeat(65)})`), eight), 189, "more than 64 dimensions"],
  ["a scalar", npy(header("<f4", "()"), eight), 60, "a scalar has no rows"],
  ["rows of nothing", npy(header("<f4", "(2, 0)")), 60, "rows of nothing"],
  ["objects", npy(header("|O", "(1, 2)"), eight), 20, 'descr is "|O"'],
  ["codes of unknown type", npy(header("<u2", "(1, 4)"), eight), 20, "dtype must say what they are"],
  ["a missing key", npy("{'descr': '<f4'}\n", eight), 10, "lacks one of"],
  ["a key twice", npy("{'descr': '<f4', 'descr': '<f8'}\n", eight), 27, "comes again"],
  ["code in a header", npy("{'descr': __import__('os')}\n", eight), 20, "a plain string"],
  ["data that are cut off", npy(header("<f4", "(1, 3)"), eight), 78, "the file ends here, 4 bytes before"],
  ["data that go on", npy(header("<f4", "(1, 1)"), eight), 74, "4 bytes follow"],
  ["a tensor header past the end", joined(BigUint64Array.of(1000n), "{}"), 0, "header length 1000 is beyond"],
  ["a tensor header of exabytes", joined(BigUint64Array.of(2n ** 63n), "{}"), 0, "begins no"],
  ["a tensor header of megabytes", joined(BigUint64Array.of(600_000n), new Uint8Array(600_000)), 0, "more than 524288"],
  ["lists in lists", safetensors(`{"t":${"[".repeat(100_000)}`), 15, "nests more than 3 deep"],
  ["no JSON", safetensors("{t: 1}"), 8, "the header is no JSON"],
  ["no object", safetensors("[1]"), 8, "does not begin with '{'"],
  ["no UTF-8", safetensors('{"\xff": 1}'), 8, "not UTF-8"],
  ["no tensors", safetensors({}), 8, "the file has none"],
  ["a negative dimension", safetensors(tensor("F32", [-1, 2], [0, 8]), eight), 9, "no array of whole numbers"],
  ["a fractional dimension", safetensors(tensor("F32", [0.5, 4], [0, 8]), eight), 9, "no array of whole numbers"],
  [
    "an overflowing tensor",
    safetensors(tensor("F32", [2 ** 52, 2 ** 52], [0, 8]), eight),
    9,
    "more than 2^53 - 1 bits",
  ],
  [
    "bytes for another shape",
    safetensors(tensor("F32", [1, 3], [0, 8]), eight),
    9,
    "takes 12 bytes, data_offsets say 8",
  ],
  ["offsets past the end", safetensors(tensor("F32", [1, 4], [0, 16]), eight), 9, "beyond the 8 bytes of data"],
  ["offsets that go back", safetensors(tensor("F32", [1, 2], [8, 0]), eight), 9, "end before they begin"],
  ["a hole", safetensors(tensor("F32", [1, 1], [4, 8]), eight), 9, "leaves a hole before it"],
  ["bytes of no tensor", safetensors(tensor("F32", [1, 1], [0, 4]), eight), 68, "4 bytes follow its tensors"],
  [
    "tensors that overlap",
    safetensors({ ...tensor("F32", [1, 1], [0, 4]), u: { dtype: "F16", shape: [1, 3], data_offsets: [2, 8] } }, eight),
    64,
    "overlaps what is before it",
  ],
  ["a tensor twice", safetensors('{"t":1,"t":2}'), 15, 'the key "t" comes again'],
  ["an unknown type", safetensors(tensor("F31", [1, 2], [0, 8]), eight), 9, 'dtype "F31" is unknown'],
  ["metadata of numbers", safetensors({ __metadata__: { a: 1 } }), 9, "not an object of strings"],
  ["a context of two", base(2, 3, 1, 0, 0), 8, "n_ctx is 2, less than 3"],
  ["a negative vocabulary", base(3, -1, 1, 0, 0, 0), 12, "n_vocab is -1, less than 1"],
  ["negative chunks", base(3, 2, -1), 16, "n_chunk is -1, less than 0"],
  ["billions of tokens", base(2 ** 30, 2, 2 ** 30), 16, "tokens, more than 8388608"],
  ["codes that are cut off", base(3, 2, 1, 0, 1, 1), 32, "the file ends here, 12 bytes before"],
  ["a token that there is not", joined(base(3, 2, 1, 0, 1, 2), new Uint8Array(12)), 28, "token 2 is 2, n_vocab is 2"],
];

for (const [what, bytes, offset, message] of HOSTILE) {
  Deno.test(`openRows() refuses ${what}`, async () => {
    const error = await assertRejects(() => openRows(bytes), FileFormatError, message);
    assertEquals([error.offset, error.message.startsWith(`Cannot read the bytes: at byte ${offset}: `)], [
      offset,
      true,
    ]);
    // A stream does not tell its size, so that some troubles show when its rows are read
    await assertRejects(() => readAll(inPieces(bytes, 5), 2), FileFormatError);
  });
}

Deno.test("a spacing that is negative or infinite is found at its row", async () => {
  for (const spacing of [-1, Infinity]) {
    const codes = [Float32Array.of(1, -1), new Uint16Array(2), Float32Array.of(spacing, -1), new Uint16Array(2)];
    const bytes = joined(base(5, 2, 1, 0, 0, 0, 1, 1), ...codes);
    await assertRejects(() => readAll(bytes, 1), FileFormatError, `at byte 52: the spacing of a row is ${spacing}`);
  }
});

Deno.test("a file that is cut off anywhere is found out, by path and by stream", async () => {
  await inFolder(async (folder) => {
    for (const { name, bytes } of await files(normalRows(new Random(63), 2, 5, 1))) {
      for (let length = 0; length < bytes.length; length += 3) {
        const cut = bytes.slice(0, length), options = { dtype: "bf16" } as const;
        await Deno.writeFile(`${folder}/cut`, cut);
        await assertRejects(() => openRows(`${folder}/cut`, options), FileFormatError, `${folder}/cut: at byte `);
        await assertRejects(() => readAll(inPieces(cut, 11), 1, options), FileFormatError, "", `${name} to ${length}`);
      }
    }
  });
});

Deno.test("readTargets() refuses what are no targets", async () => {
  const wrong: [Uint8Array<ArrayBuffer>, string][] = [
    [joined("1 2 x"), 'target 2 is no whole number: it has "x"'],
    [joined("1,,2"), "target 1 is missing before a comma"],
    [joined("1 - 2"), "target 1 is a sign without digits"],
    [joined("4294967296"), "target 0 is 4294967296, more than an i32 holds"],
    [npy(header("<f4", "(2,)"), eight), "no type of integers"],
    [npy(header("<i8", "(1,)"), joined(BigInt64Array.of(2n ** 33n))), "8589934592"],
    [safetensors(tensor("F32", [1, 2], [0, 8]), eight), "the tensor is F32, no type of integers"],
    [npy(header("<i4", "(3000000000,)")), "the file ends here"],
  ];
  for (const [bytes, message] of wrong) await assertRejects(() => readTargets(bytes), FileFormatError, message);
});
