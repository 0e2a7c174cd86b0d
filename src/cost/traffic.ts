/**
 * The work of a call, by arithmetic on its record: the bytes that must move and the operations that must happen.
 *
 * @module
 */
import { isOnDevice, tensorNames } from "../arguments.ts";
import type { AnyTensor, CheckedCall, Traffic } from "../operation.ts";

/** Traffic of a call whose every input is read once from memory and every output written once. */
export function traffic({ operation, dims, tensors }: CheckedCall): Traffic {
  const present = tensorNames(operation).filter((name) => tensors[name] !== undefined);
  const inputs = new Set(operation.inputs.map(({ name }) => name));
  const bytes = (wanted: boolean) =>
    present.filter((name) => inputs.has(name) === wanted).reduce((sum, name) => sum + tensorBytes(tensors[name]), 0);
  const { exps, flops } = operation.work(new Set(present));
  const cells = dims.rows * dims.vocab;
  return { bytesRead: bytes(true), bytesWritten: bytes(false), exps: exps * cells, flops: flops * cells };
}

/** Bytes of a tensor's elements; a row that all rows share counts once. */
export function tensorBytes(tensor: AnyTensor | undefined): number {
  if (tensor === undefined) return 0;
  const rows = tensor.rowStride === 0 ? Math.min(1, tensor.rows) : tensor.rows;
  return rows * tensor.columns * elementBytes(tensor);
}

function elementBytes(tensor: AnyTensor): number {
  if (!isOnDevice(tensor)) return tensor.data.BYTES_PER_ELEMENT;
  return tensor.dtype === "f32" ? 4 : 2;
}
