import { bytesPerElement, type Encoding } from "./elements.ts";
import type { Input } from "./input.ts";
import { type NpyHeader, readNpyHeader } from "./npy_header.ts";
import { PlainRows } from "./plain_rows.ts";
import type { Rows } from "./rows.ts";
import { rowsOf } from "./rows.ts";
import { product } from "./sizes.ts";
import type { IntegerList } from "./integers.ts";

/** Reads the rows of a `.npy` file, of which the first eight bytes have been read. */
export async function openNpy(input: Input, head: Uint8Array, codes?: "bf16" | "f16"): Promise<Rows> {
  const header = await readNpyHeader(input, head), { shape, shapeOffset } = header;
  const encoding = encodingOf(input, header, codes);
  if (shape.length === 0) throw input.error("the shape is (): a scalar has no rows", shapeOffset);
  const columns = shape[shape.length - 1], rows = product(shape.slice(0, -1)) ?? Infinity;
  if (columns === 0) throw input.error(`the shape is (${shape.join(", ")}): rows of nothing`, shapeOffset);
  const bytes = checkedBytes(input, header, bytesPerElement(encoding.type));
  input.checkEnd(input.position + bytes, rowsOf({ rows, columns, storedAs: encoding.name }));
  return new PlainRows(input, { format: "npy", rows, columns, shape, isLast: true }, encoding);
}

/** Finds the integers of a `.npy` file, of which the first eight bytes have been read. */
export async function openNpyIntegers(input: Input, head: Uint8Array): Promise<IntegerList> {
  const header = await readNpyHeader(input, head), { descr } = header;
  const [, order, kind, size] = /^([<>=|]?)([iu])([1248])$/.exec(descr) ?? [];
  if (kind === undefined) {
    throw input.error(`descr is ${JSON.stringify(descr)}, no type of integers`, header.descrOffset);
  }
  const bytes = checkedBytes(input, header, Number(size)), count = bytes / Number(size);
  input.checkEnd(input.position + bytes, `its ${count} integers`);
  return {
    count,
    offset: header.shapeOffset,
    isLast: true,
    bytes: Number(size),
    isSigned: kind === "i",
    isBigEndian: order === ">",
  };
}

function checkedBytes(input: Input, { shape, shapeOffset }: NpyHeader, size: number): number {
  const bytes = product([...shape, size]);
  if (bytes !== undefined && Number.isSafeInteger(input.position + bytes)) return bytes;
  throw input.error(`the shape (${shape.join(", ")}) takes more than 2^53 - 1 bytes`, shapeOffset);
}

/** bf16 that NumPy has from another package comes as V2, two bytes of it knows not what; others store u2. */
function encodingOf(input: Input, { descr, descrOffset }: NpyHeader, codes?: "bf16" | "f16"): Encoding {
  const [, order, name] = /^([<>=|]?)(f2|f4|f8|u2|V2)$/.exec(descr) ?? [];
  if (name === undefined) {
    throw input.error(`descr is ${JSON.stringify(descr)}, not f2, f4, f8, or u2 for codes of 16 bits`, descrOffset);
  }
  const type = ({ f2: "f16", f4: "f32", f8: "f64" } as const)[name] ?? codes;
  if (type !== undefined) return { type, isBigEndian: order === ">", name: descr };
  throw input.error(`descr is ${JSON.stringify(descr)}, codes of 16 bits: dtype must say what they are`, descrOffset);
}
