/**
 * Bytes by path, in memory and of a stream, all alike.
 *
 * @module
 */
import { show, type ValueChecker } from "../check.ts";
import type { Source } from "./types.ts";

/** Bytes that come one after the other. */
export interface Bytes {
  /** What messages call them. */
  readonly name: string;
  /** How many there are, where that is known. */
  readonly size?: number;
  /** Fills some of an array that is not empty: returns how much, 0 at the end. */
  read(into: Uint8Array): Promise<number>;
  /** Passes over bytes of which enough are left; where it is missing they have to be read. */
  seek?(bytes: number): Promise<void>;
  /** Wakes a read that waits, which may then fail. */
  cancel?(): Promise<void>;
  /** Gives up what is open, with no read under way. */
  close(): void;
}

/** Opens bytes; whoever does must close them. */
export async function openBytes(check: ValueChecker, source: Source): Promise<Bytes> {
  if (source instanceof Uint8Array) return bytesOfMemory(source);
  if (source instanceof ArrayBuffer) return bytesOfMemory(new Uint8Array(source));
  if (source instanceof ReadableStream) {
    if (source.locked) throw check.typeError("source is a stream that is locked");
    return new StreamBytes(source, check);
  }
  return await openFile(nameOf(check, "source", source), source);
}

/** What a path or a URL is called. */
export function nameOf(check: ValueChecker, argument: string, place: unknown): string {
  if (typeof place === "string") return place;
  if (!(place instanceof URL)) throw check.typeError(`${argument} is ${show(place)}, not a path, bytes or a stream`);
  if (place.protocol === "file:") return decodeURIComponent(place.pathname);
  throw check.typeError(`${argument} is ${place.href}, not a file: URL`);
}

function bytesOfMemory(bytes: Uint8Array): Bytes {
  let at = 0;
  return {
    name: "the bytes",
    size: bytes.length,
    read(into: Uint8Array): Promise<number> {
      const some = bytes.subarray(at, at + into.length);
      into.set(some);
      at += some.length;
      return Promise.resolve(some.length);
    },
    seek(count: number): Promise<void> {
      at += count;
      return Promise.resolve();
    },
    close(): void {},
  };
}

async function openFile(name: string, path: string | URL): Promise<Bytes> {
  const file = await Deno.open(path, { read: true });
  try {
    const { isFile, size } = await file.stat();
    const read = async (into: Uint8Array) => await file.read(into) ?? 0, close = () => file.close();
    if (!isFile) return { name, read, close }; // a pipe has no size, and cannot seek
    return {
      name,
      size,
      read,
      seek: async (bytes) => void await file.seek(bytes, Deno.SeekMode.Current),
      close,
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

class StreamBytes implements Bytes {
  readonly name = "the stream";
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #check: ValueChecker;
  #chunk: Uint8Array = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array>, check: ValueChecker) {
    this.#reader = stream.getReader();
    this.#check = check;
  }

  async read(into: Uint8Array): Promise<number> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#reader.read();
      if (done) return 0;
      if (!(value instanceof Uint8Array)) throw this.#check.typeError(`a chunk is ${show(value)}, not a Uint8Array`);
      this.#chunk = new Uint8Array(value.buffer, value.byteOffset, value.length);
    }
    const some = this.#chunk.subarray(0, into.length);
    into.set(some);
    this.#chunk = this.#chunk.subarray(some.length);
    return some.length;
  }

  async cancel(): Promise<void> {
    // A stream that has failed says so to whoever reads it, not again to whoever leaves it
    await this.#reader.cancel().catch(() => undefined);
  }

  close(): void {
    this.#reader.releaseLock();
  }
}
