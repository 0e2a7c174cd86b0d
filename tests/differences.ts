/** Half the distance of the two values of a central difference; its error is of order STEP² + 2⁻⁵² / STEP: below 1e-9. */
const STEP = 1e-5;

/** The derivative of each row's value with respect to each of the row's logits, in f64; masked logits have none. */
export function centralDifferences(
  rows: readonly ArrayLike<number>[],
  values: (rows: Float64Array[]) => ArrayLike<number>,
): number[] {
  return rows.flatMap((row, r) =>
    Array.from(row, (logit, i) => {
      if (logit === -Infinity) return 0;
      const [above, below] = [STEP, -STEP].map((step) => {
        const moved = rows.map((row) => Float64Array.from(row));
        moved[r][i] += step;
        return values(moved)[r];
      });
      return (above - below) / (2 * STEP);
    })
  );
}
