/**
 * What WebAssembly can read at most: a kernel that does nothing but take the maximum of a buffer.
 *
 * It is compiled here, apart from the module that is measured.
 */
import asc from "assemblyscript/asc";

const SOURCE = `
export function read(address: usize, bytes: usize): f32 {
  let a = f32x4.splat(-Infinity), b = a, c = a, d = a;
  for (let end = address + bytes; address < end; address += 64) {
    a = f32x4.pmax(a, v128.load(address));
    b = f32x4.pmax(b, v128.load(address, 16));
    c = f32x4.pmax(c, v128.load(address, 32));
    d = f32x4.pmax(d, v128.load(address, 48));
  }
  a = f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d));
  return f32x4.extract_lane(a, 0) + f32x4.extract_lane(a, 1) + f32x4.extract_lane(a, 2) + f32x4.extract_lane(a, 3);
}`;

/** A run that reads `bytes` of a buffer of its own. */
export async function reader(bytes: number): Promise<() => void> {
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const { error } = await asc.main(
    ["read.ts", "--outFile", "read.wasm", "-O3", "--runtime", "stub", "--enable", "simd", "--importMemory"],
    {
      readFile: (name) => name === "read.ts" ? SOURCE : null,
      writeFile: (_, contents) => void (binary = contents as Uint8Array<ArrayBuffer>),
      listFiles: () => [],
    },
  );
  if (error || binary === undefined) throw new Error("The read kernel did not compile", { cause: error });
  const size = Math.floor(bytes / 64) * 64, start = 1024;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((start + size) / 65536) });
  new Float32Array(memory.buffer).fill(1);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary), { env: { memory } });
  const read = exports.read as (address: number, bytes: number) => number;
  return () => void read(start, size);
}
