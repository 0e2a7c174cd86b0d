/**
 * The backends under test, and tests that run on each of them.
 *
 * @module
 */
import { BackendUnavailableError, type CommonOptions, logSumExp } from "../src/sync.ts";

/** The options that choose a backend. */
export type Choice = Pick<CommonOptions, "backend" | "deterministic">;

interface TestBackend {
  readonly name: string;
  readonly choice: Choice;
  /** What the report's reason says if it really ran: a missing build is replaced by another one. */
  readonly manner: string;
}

const BACKENDS: readonly TestBackend[] = [
  { name: "reference", choice: { backend: "reference" }, manner: "TypeScript" },
  { name: "wasm relaxed", choice: { backend: "wasm" }, manner: "relaxed SIMD" },
  { name: "wasm plain", choice: { backend: "wasm", deterministic: true }, manner: "plain SIMD" },
];

// The first call that deserves threads starts them: here, lest the test in which it happens seems to have leaked them.
logSumExp({ data: new Float32Array(8), shape: [8, 1] }, { backend: "wasm", threads: 3 });

/** Registers one test a backend; where it is absent the test is skipped. */
export function onEachBackend(name: string, test: (choice: Choice) => void | Promise<void>): void {
  register(name, test, BACKENDS);
}

/** Like {@linkcode onEachBackend}, without the reference: for what takes it long, or only compares it with itself. */
export function onEachKernel(name: string, test: (choice: Choice) => void | Promise<void>): void {
  register(name, test, BACKENDS.slice(1));
}

function register(
  name: string,
  test: (choice: Choice) => void | Promise<void>,
  backends: readonly TestBackend[],
): void {
  for (const backend of backends) {
    Deno.test({ name: `${name} [${backend.name}]`, ignore: !isPresent(backend), fn: () => test(backend.choice) });
  }
}

function isPresent({ choice, manner }: TestBackend): boolean {
  try {
    return logSumExp({ data: new Float32Array(1), shape: [1, 1] }, choice).report.reason.includes(manner);
  } catch (error) {
    if (error instanceof BackendUnavailableError) return false;
    throw error;
  }
}
