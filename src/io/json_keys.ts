/** A key of an object. */
export interface Key {
  /** The keys on the way to it, and itself. */
  readonly path: readonly string[];
  /** Where its string begins. */
  readonly index: number;
}

/** The keys of all objects in a valid text of JSON, of which each may come more than once: `JSON.parse` keeps the last. */
export function* jsonKeys(text: string): Iterable<Key> {
  const tokens = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g, path: string[] = [];
  let key = "";
  for (const { 0: token, 1: colon, index } of text.matchAll(tokens)) {
    if (token === "{" || token === "[") path.push(key);
    else if (token === "}" || token === "]") path.pop();
    else if (colon !== undefined) {
      key = String(JSON.parse(token.slice(0, -colon.length)));
      yield { path: [...path.slice(1), key], index };
    }
  }
}
