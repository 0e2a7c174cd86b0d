/**
 * The one WebAssembly memory of the process, and what is free in it.
 *
 * It is shared memory although one thread uses it: growing it detaches no view, so matrices handed out stay valid.
 */
import { HEAP_BASE } from "./layout.gen.ts";

/** Bytes of a page. */
const PAGE = 65536;

/** Pages that a 32-bit address reaches, less one: an address one past the end must still be an address. */
const MAX_PAGES = 65535;

/** Bytes of a cache line; every allocation is aligned to it. */
const LINE = 64;

interface Span {
  readonly address: number;
  readonly bytes: number;
}

let memory: WebAssembly.Memory | undefined;

/** Free spans below the frontier, by address, no two adjacent. */
let free: Span[] = [];

/** The first byte never handed out yet. */
let frontier = HEAP_BASE;

/** Every buffer object the memory has had: growth makes a new one over the same bytes. */
const buffers = new WeakSet<ArrayBufferLike>();

/** The memory, made on first use. */
export function wasmMemory(): WebAssembly.Memory {
  memory ??= new WebAssembly.Memory({ initial: Math.ceil(HEAP_BASE / PAGE), maximum: MAX_PAGES + 1, shared: true });
  return memory;
}

/** The memory's bytes as they are now. */
export function wasmBuffer(): ArrayBufferLike {
  const { buffer } = wasmMemory();
  buffers.add(buffer);
  return buffer;
}

/** Whether an array lies in the memory. */
export function isResident(data: ArrayBufferView): boolean {
  return buffers.has(data.buffer);
}

/** Bytes that could still be had, in one piece or several. */
export function availableBytes(): number {
  return free.reduce((sum, { bytes }) => sum + bytes, MAX_PAGES * PAGE - frontier);
}

/** Bytes of memory the process holds, free or not. */
export function committedBytes(): number {
  return memory?.buffer.byteLength ?? 0;
}

/**
 * Takes `bytes` of memory, aligned to a cache line: the first span that is large enough, else new ground.
 *
 * @throws {RangeError} If there is no such room below 4 GiB.
 */
export function take(bytes: number): number {
  const size = Math.max(LINE, Math.ceil(bytes / LINE) * LINE);
  const index = free.findIndex((span) => span.bytes >= size);
  if (index >= 0) {
    const { address, bytes: room } = free[index];
    free.splice(index, 1, ...(room > size ? [{ address: address + size, bytes: room - size }] : []));
    return address;
  }
  const address = frontier;
  const end = address + size;
  if (end > MAX_PAGES * PAGE) throw exhausted(bytes);
  const missing = Math.ceil((end - wasmMemory().buffer.byteLength) / PAGE);
  if (missing > 0) {
    try {
      wasmMemory().grow(missing);
    } catch {
      throw exhausted(bytes);
    }
  }
  frontier = end;
  return address;
}

/** Gives back what {@link take} gave. */
export function give(address: number, bytes: number): void {
  const size = Math.max(LINE, Math.ceil(bytes / LINE) * LINE);
  const spans = [...free, { address, bytes: size }].sort((a, b) => a.address - b.address);
  free = [];
  for (const span of spans) {
    const last = free.at(-1);
    if (last !== undefined && last.address + last.bytes === span.address) {
      free[free.length - 1] = { address: last.address, bytes: last.bytes + span.bytes };
    } else free.push(span);
  }
  const last = free.at(-1);
  if (last !== undefined && last.address + last.bytes === frontier) {
    frontier = last.address;
    free.pop();
  }
}

function exhausted(bytes: number): RangeError {
  return new RangeError(`Cannot allocate ${bytes} bytes of WebAssembly memory: ${availableBytes()} of 4 GiB are left`);
}
