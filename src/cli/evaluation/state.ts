/** What an evaluation has found so far: accumulators by name, which merge whatever the order of what they were given. */
import { readObject } from "./json.ts";

/** Something that grows row by row, and by what others of its kind have written; neither order nor division matters. */
export interface Accumulator {
  /**
   * Adds what another has written.
   *
   * @throws {MalformedError} If no other can have written it; `where` it stands begins the message.
   */
  absorb(json: unknown, where: string): void;
  /** Writes it in a form that depends only on what has been added. */
  toJSON(): unknown;
}

/**
 * Adds to every accumulator, in a record or list of them or of more such records, what its namesake has written.
 *
 * @throws {MalformedError} If one is missing, or is not what another can have written.
 */
export function absorb(state: object, json: unknown, where: string): void {
  if (isAccumulator(state)) return state.absorb(json, where);
  const found = readObject(json, where), ours: Readonly<Record<string, object>> = { ...state };
  for (const [name, one] of Object.entries(ours)) absorb(one, found[name], `${where}.${name}`);
}

function isAccumulator(state: object): state is Accumulator {
  return "absorb" in state && typeof state.absorb === "function";
}
