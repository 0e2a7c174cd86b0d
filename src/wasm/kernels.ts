/** The compiled kernels: two builds of one source, in one memory. */
import { PLAIN } from "./plain.gen.ts";
import { RELAXED } from "./relaxed.gen.ts";
import { take, wasmMemory } from "./memory.ts";

/** A kernel, or one of the module's helpers. Addresses and numbers only. */
export type Kernel = (...args: number[]) => number | void;

/** An instance of one build. */
export interface Kernels {
  /** Which build. */
  readonly build: "relaxed" | "plain";
  /** The exports, by name. */
  readonly functions: Readonly<Record<string, Kernel>>;
}

/** Bytes of scratch that an instance needs: eight blocks of 1024 f32 (assembly/view.ts). */
const WORKSPACE_BYTES = 8 * 4096 + 2 * 64;

const cache = new Map<Kernels["build"], Kernels | undefined>();

/**
 * The build to use: relaxed SIMD where the runtime has it and its multiply-add is fused, plain SIMD otherwise or where
 * `deterministic` asks for it; undefined in a runtime without SIMD or shared memory.
 */
export function kernels(deterministic: boolean): Kernels | undefined {
  return (deterministic ? undefined : load("relaxed", RELAXED)) ?? load("plain", PLAIN);
}

function load(build: Kernels["build"], base64: string): Kernels | undefined {
  if (!cache.has(build)) cache.set(build, instantiate(build, base64));
  return cache.get(build);
}

function instantiate(build: Kernels["build"], base64: string): Kernels | undefined {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  if (typeof SharedArrayBuffer === "undefined" || !WebAssembly.validate(bytes)) return undefined;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory: wasmMemory() } });
  const functions = exports as Record<string, Kernel>;
  if (build === "relaxed" && functions.fused() === 0) return undefined;
  functions.workspace(take(WORKSPACE_BYTES));
  return { build, functions };
}
