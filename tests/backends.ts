/**
 * The backends under test, and tests that run on each of them.
 *
 * @module
 */
import { BackendUnavailableError, type CommonOptions, logSumExp } from "../mod.ts";

/** The options that choose a backend. */
export type Choice = Pick<CommonOptions, "backend" | "deterministic">;

interface TestBackend {
  readonly name: string;
  readonly choice: Choice;
  /** What the report's reason says if it really ran: a missing build is replaced by another one. */
  readonly manner: string;
}

const REFERENCE: TestBackend = { name: "reference", choice: { backend: "reference" }, manner: "TypeScript" };

const WASM: readonly TestBackend[] = [
  { name: "wasm relaxed", choice: { backend: "wasm" }, manner: "relaxed SIMD" },
  { name: "wasm plain", choice: { backend: "wasm", deterministic: true }, manner: "plain SIMD" },
];

/** Whatever adapter there is, a CPU in disguise too. */
const WEBGPU: TestBackend = { name: "webgpu", choice: { backend: "webgpu" }, manner: "WebGPU" };

// The first call that deserves threads starts them: here, lest the test in which it happens seems to have leaked them.
await logSumExp({ data: new Float32Array(8), shape: [8, 1] }, { backend: "wasm", threads: 3 });

const present = new Map<TestBackend, boolean>();
for (const backend of [REFERENCE, ...WASM, WEBGPU]) present.set(backend, await isPresent(backend));

/** Whether there is an adapter. */
export const HAS_GPU: boolean = present.get(WEBGPU) ?? false;

type Test = (choice: Choice) => void | Promise<void>;

/** Registers one test a backend; where it is absent the test is skipped. */
export function onEachBackend(name: string, test: Test): void {
  register(name, test, [REFERENCE, ...WASM, WEBGPU]);
}

/** Like {@linkcode onEachBackend}, without the reference: for what takes it long, or only compares it with itself. */
export function onEachKernel(name: string, test: Test): void {
  register(name, test, [...WASM, WEBGPU]);
}

/** Like {@linkcode onEachBackend}, without the GPU: for what needs no promise. */
export function onEachSyncBackend(name: string, test: Test): void {
  register(name, test, [REFERENCE, ...WASM]);
}

/** On both WebAssembly builds: for threads. */
export function onEachBuild(name: string, test: Test): void {
  register(name, test, WASM);
}

/** On the GPU. */
export function onGpu(name: string, test: Test): void {
  register(name, test, [WEBGPU]);
}

function register(name: string, test: Test, backends: readonly TestBackend[]): void {
  for (const backend of backends) {
    Deno.test({ name: `${name} [${backend.name}]`, ignore: !present.get(backend), fn: () => test(backend.choice) });
  }
}

async function isPresent({ choice, manner }: TestBackend): Promise<boolean> {
  try {
    const { report } = await logSumExp({ data: new Float32Array(1), shape: [1, 1] }, choice);
    return report.reason.includes(manner);
  } catch (error) {
    if (error instanceof BackendUnavailableError) return false;
    throw error;
  }
}
