/**
 * Errors of the device. WebGPU's calls do not throw: what goes wrong is found in an error scope, or in `device.lost`.
 *
 * @module
 */

/** The device has no memory for what it was asked for. */
export class GpuMemoryError extends RangeError {}

/** What is attempted: the message of an error begins with "Cannot", and names the bytes. */
export interface Attempt {
  readonly doing: string;
  /** Bytes of buffers that it makes. */
  readonly bytes: number;
}

/**
 * Runs an action that talks to a device; whatever the device says against it rejects, after `undo`. Nothing else may talk
 * to the device meanwhile, so the action returns no promise.
 */
export async function guard<T>(
  device: GPUDevice,
  attempt: () => Attempt,
  action: () => T,
  undo: () => void = () => {},
): Promise<T> {
  const filters = ["out-of-memory", "internal", "validation"] as const;
  for (const filter of filters) device.pushErrorScope(filter);
  let made: T, scopes: Promise<GPUError | null>[];
  try {
    made = action();
  } catch (error) {
    undo();
    throw error;
  } finally {
    scopes = filters.map(() => device.popErrorScope()).reverse();
  }
  const [memory, ...others] = await Promise.all(scopes);
  const error = memory ?? others.find((error) => error !== null);
  if (!error) return made;
  undo();
  const { doing, bytes } = attempt(), message = error.message.trim();
  if (!memory) throw new Error(`Cannot ${doing}: the GPU refused it: ${message}`);
  const limit = device.limits.maxBufferSize;
  throw new GpuMemoryError(
    `Cannot ${doing}: the GPU has no memory for ${bytes} bytes (its largest buffer is ${limit} bytes): ${message}`,
  );
}
