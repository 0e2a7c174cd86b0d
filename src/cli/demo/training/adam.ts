/** Adam (Kingma and Ba, arXiv:1412.6980), row by row: a row without a gradient waits, and so do its averages. */

/** Decay of the averages of gradients and of their squares. */
const MEAN_DECAY = 0.9, SQUARE_DECAY = 0.999;

/** Keeps a step finite where all gradients were 0. */
const EPSILON = 1e-8;

/** Learns the rows of a matrix from their gradients. */
export class Adam {
  readonly #values: Float32Array;
  readonly #columns: number;
  readonly #means: Float32Array;
  readonly #squares: Float32Array;
  /** How many steps each row has made. */
  readonly #steps: Uint32Array;

  /** Begins with averages of 0, for `values` of rows of so many columns, which it will change. */
  constructor(values: Float32Array, columns: number) {
    this.#values = values;
    this.#columns = columns;
    this.#means = new Float32Array(values.length);
    this.#squares = new Float32Array(values.length);
    this.#steps = new Uint32Array(values.length / columns);
  }

  /** One step down a gradient that has all rows. */
  step(gradient: Float32Array, learningRate: number): void {
    for (let row = 0; row < this.#steps.length; row++) this.#stepRow(row, gradient, row, learningRate);
  }

  /** One step of a few rows, no two of them the same, down a gradient that has only those, in the same order. */
  stepRows(rows: ArrayLike<number>, gradient: Float32Array, learningRate: number): void {
    for (let i = 0; i < rows.length; i++) this.#stepRow(rows[i], gradient, i, learningRate);
  }

  #stepRow(row: number, gradient: Float32Array, from: number, learningRate: number): void {
    const columns = this.#columns, values = this.#values, means = this.#means, squares = this.#squares;
    const steps = ++this.#steps[row];
    // What the averages lack since they began at 0
    const rate = learningRate / (1 - MEAN_DECAY ** steps), scale = 1 / (1 - SQUARE_DECAY ** steps);
    const offset = from * columns - row * columns;
    for (let i = row * columns; i < (row + 1) * columns; i++) {
      const slope = gradient[i + offset];
      const mean = means[i] = MEAN_DECAY * means[i] + (1 - MEAN_DECAY) * slope;
      const square = squares[i] = SQUARE_DECAY * squares[i] + (1 - SQUARE_DECAY) * slope * slope;
      values[i] -= rate * mean / (Math.sqrt(square * scale) + EPSILON);
    }
  }
}
