/**
 * Rows of logits at the edges of the numeric contract. All finite logits are exact in every dtype.
 *
 * @module
 */

/** A row and what is special about it. */
export interface Edge {
  readonly name: string;
  readonly row: Float64Array;
}

/** Sizes with an incomplete vector, more than a block, and more than a segment. */
export const EDGE_SIZES = [3, 1100, 16384 + 1030];

const BLOCK = 1024, SEGMENT = 16384;

/** Distinct logits between −6.25 and 6.25, eighths, in no order. */
export function ordinary(vocab: number, salt = 0): Float64Array {
  return Float64Array.from({ length: vocab }, (_, i) => ((i * 37 + salt) % 101 - 50) / 8);
}

/** Every edge that fits a vocabulary; past one segment, only those where the place in the row matters. */
export function edgeRows(vocab: number): Edge[] {
  const inf = Infinity, last = vocab - 1, middle = vocab >> 1;
  const edge = (name: string, ...marks: readonly (readonly [value: number, from: number, to?: number])[]) => {
    const row = ordinary(vocab, 13);
    for (const [value, from, to = from + 1] of marks) row.fill(value, from, to);
    return { name, row };
  };
  const anywhere = [
    edge("one logit is -Infinity", [-inf, middle]),
    edge("the first logit is -Infinity", [-inf, 0]),
    edge("all logits but the first are -Infinity", [-inf, 1, vocab]),
    edge("one logit is Infinity", [inf, middle]),
    edge("two logits are Infinity", [inf, 0], [inf, last]),
    edge("one logit is Infinity and the others are -Infinity", [-inf, 0, vocab], [inf, middle]),
    edge("the first logit is NaN", [NaN, 0]),
    edge("one logit is NaN and one -Infinity", [NaN, middle], [-inf, last]),
    edge("one logit is NaN and one Infinity", [NaN, middle], [inf, 0]),
    edge("the logits are NaN and -Infinity", [-inf, 0, vocab], [NaN, middle]),
    edge("all logits are NaN", [NaN, 0, vocab]),
    edge("all logits are equal", [2, 0, vocab]),
    edge("one logit has all the mass", [60, middle]),
  ];
  const everywhere = [
    edge("all logits are -Infinity", [-inf, 0, vocab]),
    edge("all logits but the last are -Infinity", [-inf, 0, last]),
    edge("the last logit is Infinity", [inf, last]),
    edge("the last logit is NaN", [NaN, last]),
  ];
  const units = [BLOCK, SEGMENT].filter((unit) => unit < vocab).slice(-1).flatMap((unit) => [
    edge(`the first ${unit} logits are -Infinity`, [-inf, 0, unit]),
    edge(`all logits but the first ${unit} are -Infinity`, [-inf, unit, vocab]),
    edge(`the first ${unit} logits are -Infinity and the last is NaN`, [-inf, 0, unit], [NaN, last]),
    edge(`the first ${unit} logits are -Infinity and the last is Infinity`, [-inf, 0, unit], [inf, last]),
  ]);
  return [...vocab > SEGMENT ? [] : anywhere, ...everywhere, ...units];
}
