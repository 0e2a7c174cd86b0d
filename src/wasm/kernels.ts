/** The compiled kernels: two builds of one source, in one memory. */
import { PLAIN } from "./plain.gen.ts";
import { RELAXED } from "./relaxed.gen.ts";
import { take, wasmMemory } from "./memory.ts";
import type { Instances } from "./thread.ts";

/** The names of the builds. */
export type Build = "relaxed" | "plain";

/** An instance of one build, for the caller's own thread. */
export interface Kernels {
  /** Which build. */
  readonly build: Build;
  /** The exports, by name. */
  readonly functions: Instances[string];
}

/** Bytes of an instance's workspace: eight blocks of 1024 f32, two partials, 2048 bases (assembly/view.ts, partial.ts). */
export const WORKSPACE_BYTES = 8 * 4096 + 2 * 64 + 2048 * 4;

const modules = new Map<Build, WebAssembly.Module>();
const cache = new Map<Build, Kernels | undefined>();

/**
 * The build to use: relaxed SIMD where the runtime has it and its multiply-add is fused, plain SIMD otherwise or where
 * `deterministic` asks for it; undefined in a runtime without SIMD or shared memory.
 */
export function kernels(deterministic: boolean): Kernels | undefined {
  return (deterministic ? undefined : load("relaxed", RELAXED)) ?? load("plain", PLAIN);
}

/** The builds that run here, for threads to make their own instances of. */
export function compiledModules(): Readonly<Record<string, WebAssembly.Module>> {
  kernels(false);
  kernels(true);
  return Object.fromEntries(modules);
}

function load(build: Build, base64: string): Kernels | undefined {
  if (!cache.has(build)) cache.set(build, instantiate(build, base64));
  return cache.get(build);
}

function instantiate(build: Build, base64: string): Kernels | undefined {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  if (!WebAssembly.validate(bytes)) return undefined;
  const module = new WebAssembly.Module(bytes);
  const { exports } = new WebAssembly.Instance(module, { env: { memory: wasmMemory() } });
  const functions = exports as Kernels["functions"];
  if (build === "relaxed" && functions.fused() === 0) return undefined;
  functions.workspace(take(WORKSPACE_BYTES));
  modules.set(build, module);
  return { build, functions };
}
