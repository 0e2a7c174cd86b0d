/**
 * The WebGPU backend, generic over operations: it knows names, shapes and sizes, a shader knows mathematics.
 *
 * @module
 */
import { isOnDevice, onDevice } from "../arguments.ts";
import type { Backend, CheckedCall } from "../operation.ts";
import { isMatrix } from "./declarations.ts";
import { type Gpu, openGpu } from "./device.ts";
import { compute } from "./job.ts";
import { isProduct } from "./product/submit.ts";
import { SHADERS } from "./shaders/index.ts";
export { isOwnOpen as isOpen } from "./device.ts";

/** The devices that calls were found computable on: what the device is called is known once it is open. */
const found = new WeakMap<CheckedCall, Gpu>();

/** A GPU. */
export const webgpu: Backend = {
  name: "webgpu",
  async obstacle(call) {
    const { operation, options } = call;
    if (!operation.compose && !isProduct(call) && !Object.hasOwn(SHADERS, operation.name)) {
      return "WebGPU has no such operation";
    }
    if (options.deterministic) return "a GPU does not promise the same bits as other machines";
    const isWanted = options.backend === "webgpu" || options.device !== undefined || onDevice(call) !== undefined;
    const gpu = await openGpu(options.device, isWanted);
    if ("why" in gpu) return gpu.why;
    if (gpu.isFallback && !isWanted) {
      return `its only adapter, ${gpu.name}, is a CPU in disguise`;
    }
    const limit = gpu.device.limits.maxBufferSize, bytes = largestCopy(call), what = isProduct(call) ? "matrix" : "row";
    if (bytes > limit) return `a ${what} takes ${bytes} bytes, and a buffer of the GPU has ${limit} at most`;
    found.set(call, gpu);
    return undefined;
  },
  manner(call) {
    const gpu = found.get(call);
    return gpu ? `WebGPU on ${gpu.name}` : "WebGPU";
  },
  async run(call) {
    const gpu = found.get(call);
    if (gpu === undefined) throw new Error("A call with an obstacle was begun");
    return await compute(gpu, call);
  },
};

/**
 * Bytes that are copied to one buffer at least: the longest row, of a product a whole matrix. What a composed call has for all
 * rows is cut up by its steps.
 */
function largestCopy(call: CheckedCall): number {
  const { operation, tensors } = call, isWhole = isProduct(call);
  const copies = [...operation.inputs, ...operation.outputs].map((spec) => {
    const tensor = tensors[spec.name];
    if (tensor === undefined || isOnDevice(tensor) || (operation.compose && !isMatrix(spec))) return 0;
    return (isWhole && tensor.rowStride > 0 ? tensor.rows : 1) * tensor.columns * tensor.data.BYTES_PER_ELEMENT;
  });
  return Math.max(...copies);
}
