/**
 * What WebAssembly can read at most: a kernel that does nothing but take the maximum of a buffer, on one thread or several.
 *
 * It is compiled here, apart from the module that is measured.
 */
import asc from "assemblyscript/asc";
import { Worker } from "node:worker_threads";

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

/** What another thread does: reads its part whenever the first word changes, and counts itself in the second. */
const WORKER = `
const { kernel, memory, words, start, bytes } = require("node:worker_threads").workerData;
const { read } = new WebAssembly.Instance(kernel, { env: { memory } }).exports;
for (let seen = 0;;) {
  Atomics.wait(words, 0, seen);
  seen = Atomics.load(words, 0);
  read(start, bytes);
  Atomics.add(words, 1, 1);
}`;

/** A run that reads `bytes` of a buffer of its own, each thread its part. */
export async function reader(bytes: number, threads: number): Promise<() => void> {
  const kernel = new WebAssembly.Module(await compile());
  const part = Math.floor(bytes / threads / 64) * 64, first = 1024;
  const pages = Math.ceil((first + part * threads) / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536, shared: true });
  new Float32Array(memory.buffer).fill(1);
  const words = new Int32Array(new SharedArrayBuffer(8));
  for (let i = 1; i < threads; i++) {
    const workerData = { kernel, memory, words, start: first + i * part, bytes: part };
    new Worker(WORKER, { eval: true, workerData }).unref();
  }
  const { exports } = new WebAssembly.Instance(kernel, { env: { memory } });
  const read = exports.read as (address: number, bytes: number) => number;
  return () => {
    Atomics.store(words, 1, 0);
    Atomics.add(words, 0, 1);
    Atomics.notify(words, 0);
    read(first, part);
    while (Atomics.load(words, 1) < threads - 1);
  };
}

async function compile(): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const features = ["--enable", "simd", "--enable", "threads"];
  const memory = ["--importMemory", "--sharedMemory", "--maximumMemory", "65536"];
  const { error } = await asc.main(
    ["read.ts", "--outFile", "read.wasm", "-O3", "--runtime", "stub", ...features, ...memory],
    {
      readFile: (name) => name === "read.ts" ? SOURCE : null,
      writeFile: (_, contents) => void (binary = contents as Uint8Array<ArrayBuffer>),
      listFiles: () => [],
    },
  );
  if (error || binary === undefined) throw new Error("The read kernel did not compile", { cause: error });
  return binary;
}
