const [QUOTE, BACKSLASH, COLON] = Array.from('"\\:', (char) => char.charCodeAt(0));
const OPENING = codesOf("{["), CLOSING = codesOf("}]"), SPACES = codesOf(" \t\r\n");

function codesOf(chars: string): ReadonlySet<number | undefined> {
  return new Set(Array.from(chars, (char) => char.charCodeAt(0)));
}

/** Where JSON has more than so many objects and lists within one another, if it has; it need not be valid. */
export function tooDeepAt(bytes: Uint8Array, most: number): number | undefined {
  for (let i = 0, depth = 0; i < bytes.length; i++) {
    if (bytes[i] === QUOTE) i = endOfString(bytes, i);
    else if (CLOSING.has(bytes[i])) depth--;
    else if (OPENING.has(bytes[i]) && ++depth > most) return i;
  }
}

/** A key of an object. */
export interface Key {
  readonly name: string;
  /** How many objects and lists it is in. */
  readonly depth: number;
  /** Where in the bytes it begins. */
  readonly offset: number;
  /** Whether its object has had it before: `JSON.parse` keeps the last. */
  readonly isRepeated: boolean;
}

/** The keys of all objects in valid JSON, in UTF-8. */
export function* jsonKeys(bytes: Uint8Array): Iterable<Key> {
  const decoder = new TextDecoder(), open: Set<string>[] = [];
  for (let i = 0; i < bytes.length; i++) {
    if (OPENING.has(bytes[i])) open.push(new Set());
    else if (CLOSING.has(bytes[i])) open.pop();
    else if (bytes[i] === QUOTE) {
      const offset = i, end = endOfString(bytes, i);
      i = end + 1;
      while (SPACES.has(bytes[i])) i++;
      if (bytes[i] === COLON) {
        const name = String(JSON.parse(decoder.decode(bytes.subarray(offset, end + 1)))), names = open[open.length - 1];
        yield { name, depth: open.length, offset, isRepeated: names.has(name) };
        names.add(name);
      } else i--; // what follows a value may close something
    }
  }
}

/** The quote that ends a string; the end of all where it is missing. */
function endOfString(bytes: Uint8Array, begin: number): number {
  let i = begin + 1;
  for (; i < bytes.length && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++;
  return i;
}
