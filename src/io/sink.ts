/**
 * Bytes to a path or a stream, all alike.
 *
 * @module
 */
import { show, type ValueChecker } from "../check.ts";
import { nameOf } from "./bytes.ts";
import type { Target } from "./types.ts";

/** Where bytes go one after the other. */
export interface Sink {
  /** What messages call it. */
  readonly name: string;
  /** Writes all of an array, which may be changed afterwards. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends it. */
  close(): Promise<void>;
  /** Ends it with something missing. */
  abort(reason: unknown): Promise<void>;
}

/** Opens a sink; whoever does must close it. */
export async function openSink(check: ValueChecker, target: Target): Promise<Sink> {
  if (target instanceof WritableStream) {
    if (target.locked) throw check.typeError("target is a stream that is locked");
    return streamSink(target.getWriter());
  }
  if (typeof target !== "string" && !(target instanceof URL)) {
    throw check.typeError(`target is ${show(target)}, not a path or a stream`);
  }
  const name = nameOf(check, "target", target), file = await Deno.create(target);
  const close = () => Promise.resolve(file.close());
  return {
    name,
    async write(bytes) {
      for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
    },
    close,
    abort: close,
  };
}

function streamSink(writer: WritableStreamDefaultWriter<Uint8Array>): Sink {
  return {
    name: "the stream",
    write: (bytes) => writer.write(Uint8Array.from(bytes)),
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  };
}
