/**
 * Errors of the device. WebGPU's calls do not throw: what goes wrong is found in an error scope, or in `device.lost`.
 *
 * @module
 */

/** The device has no memory for what it was asked for. */
export class GpuMemoryError extends RangeError {
  /** "GpuMemoryError". */
  override readonly name = "GpuMemoryError";
}

/**
 * Runs an action that talks to a device; whatever the device says against it rejects. Nothing else may talk to the device
 * meanwhile, so the action returns no promise. `undo` frees what the action has made.
 */
export async function guard<T>(
  device: GPUDevice,
  doing: string | (() => string),
  action: () => T,
  undo?: (made: T) => void,
): Promise<T> {
  const filters = ["validation", "internal", "out-of-memory"] as const;
  for (const filter of filters) device.pushErrorScope(filter);
  let made: T, scopes: Promise<GPUError | null>[];
  try {
    made = action();
  } finally {
    scopes = filters.map(() => device.popErrorScope());
  }
  const errors = (await Promise.all(scopes)).reverse();
  const [invalid, internal, memory] = errors;
  if (errors.every((error) => error === null)) return made;
  undo?.(made);
  const what = typeof doing === "string" ? doing : doing();
  if (memory) {
    const limit = device.limits.maxBufferSize;
    throw new GpuMemoryError(
      `The GPU has no memory left for ${what} (its largest buffer is ${limit} bytes): ${memory.message}`,
    );
  }
  throw new Error(`The GPU refused ${what}: ${(invalid ?? internal)?.message.trim()}`);
}
