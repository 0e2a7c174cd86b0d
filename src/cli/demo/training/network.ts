/** What is below the softmax: the embeddings of the last tokens side by side, and a hidden layer with tanh. */
import { type CommonOptions, linear } from "../../../../mod.ts";
import { Adam } from "./adam.ts";
import { CONTEXT } from "./batches.ts";
import { type Floats, rowsOf, sumOfRows, transpose, zeros } from "./matrices.ts";
import type { Random } from "./random.ts";

/** How wide a network is. */
export interface Widths {
  /** Numbers of a token's embedding. */
  readonly embedding: number;
  /** Numbers of a hidden state. */
  readonly hidden: number;
}

/** What the way back needs of the way forward. */
export interface Trace {
  /** [rows, CONTEXT] tokens. */
  readonly contexts: Int32Array;
  /** [rows, CONTEXT · embedding]. */
  readonly inputs: Floats;
  /** [rows, hidden]. */
  readonly hidden: Floats;
}

/** Gradients by what a network learns. */
export interface NetworkGradient {
  /** The tokens of the contexts, each once. */
  readonly tokens: Int32Array;
  /** [tokens, embedding]. */
  readonly embeddings: Float32Array;
  /** [hidden, CONTEXT · embedding]. */
  readonly weight: Float32Array;
  /** [hidden]. */
  readonly bias: Float32Array;
}

/** Embeddings begin within ± this: small, so that a token that is rarely seen says little. */
const EMBEDDING_RANGE = 0.05;

/** A network from contexts to hidden states. */
export class Network {
  /** Its widths. */
  readonly widths: Widths;
  /** [vocab, embedding]. */
  readonly embeddings: Floats;
  /** [hidden, CONTEXT · embedding]. */
  readonly weight: Floats;
  /** [hidden]. */
  readonly bias: Float32Array;
  readonly #backend: CommonOptions["backend"];
  readonly #learners: Readonly<Record<"embeddings" | "weight" | "bias", Adam>>;

  /** Begins with random weights. */
  constructor(vocab: number, widths: Widths, random: Random, backend?: CommonOptions["backend"]) {
    this.#backend = backend;
    this.widths = widths;
    this.embeddings = zeros(vocab, widths.embedding);
    this.weight = zeros(widths.hidden, CONTEXT * widths.embedding);
    this.bias = new Float32Array(widths.hidden);
    random.fill(this.embeddings.data, EMBEDDING_RANGE);
    // Glorot and Bengio (2010): states and gradients keep their size from layer to layer
    random.fill(this.weight.data, Math.sqrt(6 / (this.weight.shape[0] + this.weight.shape[1])));
    this.#learners = {
      embeddings: new Adam(this.embeddings.data, widths.embedding),
      weight: new Adam(this.weight.data, CONTEXT * widths.embedding),
      bias: new Adam(this.bias, widths.hidden),
    };
  }

  /** From contexts to hidden states. */
  async forward(contexts: Int32Array): Promise<Trace> {
    const width = this.widths.embedding, { data } = this.embeddings;
    const inputs = zeros(contexts.length / CONTEXT, CONTEXT * width);
    contexts.forEach((token, i) => inputs.data.set(data.subarray(token * width, (token + 1) * width), i * width));
    const hidden = await this.#multiply(inputs, this.weight, this.bias);
    for (let i = 0; i < hidden.data.length; i++) hidden.data[i] = Math.tanh(hidden.data[i]);
    return { contexts, inputs, hidden };
  }

  /** From the gradient by hidden states to all gradients. */
  async backward({ contexts, inputs, hidden }: Trace, gradientHidden: Floats): Promise<NetworkGradient> {
    const slopes = zeros(...hidden.shape);
    for (let i = 0; i < slopes.data.length; i++) {
      slopes.data[i] = gradientHidden.data[i] * (1 - hidden.data[i] ** 2);
    }
    const weight = await this.#multiply(transpose(slopes), transpose(inputs));
    const gradientInputs = await this.#multiply(slopes, transpose(this.weight));
    const embeddings = rowsOf(gradientInputs.data, this.widths.embedding);
    return { ...sumByToken(contexts, embeddings), weight: weight.data, bias: sumOfRows(slopes) };
  }

  /** A step down gradients. */
  learn({ tokens, embeddings, weight, bias }: NetworkGradient, learningRate: number): void {
    this.#learners.embeddings.stepRows(tokens, embeddings, learningRate);
    this.#learners.weight.step(weight, learningRate);
    this.#learners.bias.step(bias, learningRate);
  }

  /** left·rightᵀ + bias. */
  async #multiply(left: Floats, right: Floats, bias?: Float32Array): Promise<Floats> {
    const out = zeros(left.shape[0], right.shape[0]);
    await linear(left, right, { bias, out, backend: this.#backend });
    return out;
  }
}

/** The sums of the rows that belong to the same token. */
function sumByToken(
  contexts: Int32Array,
  { data, shape: [, width] }: Floats,
): Pick<NetworkGradient, "tokens" | "embeddings"> {
  const tokens = Int32Array.from(new Set(contexts));
  const places = new Map(Array.from(tokens, (token, i) => [token, i * width]));
  const embeddings = new Float32Array(tokens.length * width);
  contexts.forEach((token, i) => {
    const place = places.get(token) ?? 0;
    for (let k = 0; k < width; k++) embeddings[place + k] += data[i * width + k];
  });
  return { tokens, embeddings };
}
