/**
 * What holds of every operation that goes through logits row by row, as tests on every backend: agreement with the oracle
 * at all kinds of sizes, dtypes, edges and transformations, and rows that do not depend on one another.
 *
 * @module
 */
import { allocate, type DType, type Matrix } from "../mod.ts";
import { type Choice, onEachBackend } from "./backends.ts";
import { type Edge, EDGE_SIZES, edgeRows, ordinary } from "./edges.ts";
import { DTYPES, fill, masked, matrix, normalRows, rounded, type Rows } from "./matrices.ts";
import { once } from "./once.ts";
import type { Transformation } from "./oracle.ts";
import { Random } from "./random.ts";
import { sizes } from "./sizes.ts";
import { assertSame, assertWithin, type Expected } from "./tolerance.ts";

/** Outputs by name, each with the same number of elements for every row. */
export type Outputs = Readonly<Record<string, Float32Array | Float64Array | Int32Array>>;

/** An operation under test, with the options that make it one. */
export interface Subject {
  /** Begins the tests' names. */
  readonly title: string;
  /** How many matrices of logits it takes. */
  readonly matrices: 1 | 2;
  /** Rows are numbered so that what else they have, like targets, follows them wherever they are. */
  compute(logits: readonly Matrix[], ids: readonly number[], options: Choice & Transformation): Promise<Outputs>;
  /** The same from the oracle. */
  expect(logits: readonly Rows[], ids: readonly number[], transformation: Transformation): Record<string, Expected>;
  /** Outputs that are exactly 0 wherever a logit of the matrix of this index is −∞ and its row has a distribution. */
  readonly masked?: Readonly<Record<string, number>>;
}

const SEED = 20261123;

const TRANSFORMATIONS: readonly Transformation[] = [
  { temperature: 0.7 },
  { temperature: 3 },
  { softcap: 5 },
  { softcap: 30, temperature: 1.5 },
];

/** The target of a numbered row. */
export function targetOf(id: number, vocab: number): number {
  return (id * 7919 + 13) % vocab;
}

/** Registers all the tests of a subject. What is expected is computed once, for all backends. */
export function testSubject(subject: Subject): void {
  const { title } = subject;
  const ofSizes = once(() => sizeCases(subject));
  onEachBackend(
    `${title} agrees with the oracle around every block boundary`,
    (on) => testCases(subject, ofSizes(), on),
  );
  const transformed = once(() => transformedCases(subject));
  onEachBackend(`${title} follows the soft cap and the temperature`, (on) => testCases(subject, transformed(), on));
  onEachBackend(`${title} gives a row the same bits wherever it lies`, (on) => testIndependence(subject, on));
  for (const vocab of EDGE_SIZES) {
    const edges = once(() => edgeCases(subject, vocab));
    onEachBackend(
      `${title} keeps the contract at the edges of ${vocab} classes`,
      (on) => testEdges(subject, edges(), vocab, on),
    );
  }
}

interface Case {
  readonly name: string;
  readonly dtype: DType;
  readonly logits: readonly Rows[];
  readonly ids: readonly number[];
  readonly transformation: Transformation;
  readonly expected: Record<string, Expected>;
}

function caseOf(subject: Subject, rows: readonly Rows[], dtype: DType, transformation: Transformation): Case {
  const ids = rows[0].map((_, row) => row + 1);
  const logits = rows.map((rows) => rounded(rows, dtype));
  const name = `vocab ${rows[0][0].length}, ${dtype}, ${JSON.stringify(transformation)}`;
  return { name, dtype, logits, ids, transformation, expected: subject.expect(logits, ids, transformation) };
}

function sizeCases(subject: Subject): Case[] {
  const random = new Random(SEED);
  return sizes().flatMap((vocab) => {
    const logits = Array.from({ length: subject.matrices }, () => normalRows(random, 1, vocab, 4));
    const dtypes = vocab > 1100 ? DTYPES.slice(0, 1) : DTYPES;
    return dtypes.map((dtype) => caseOf(subject, logits, dtype, {}));
  });
}

function transformedCases(subject: Subject): Case[] {
  const random = new Random(SEED);
  const logits = Array.from({ length: subject.matrices }, (_, i) => masked(normalRows(random, 2, 1100, 8), 5 + i, 4));
  return TRANSFORMATIONS.map((transformation) => caseOf(subject, logits, "f32", transformation));
}

async function testCases(subject: Subject, cases: readonly Case[], on: Choice): Promise<void> {
  for (const { name, dtype, logits, ids, transformation, expected } of cases) {
    const matrices = logits.map((rows) => matrix(rows, dtype));
    const outputs = await subject.compute(matrices, ids, { ...on, ...transformation });
    for (const [output, value] of Object.entries(expected)) assertWithin(outputs[output], value, `${name}: ${output}`);
    assertMasked(subject, logits, outputs, name);
  }
}

/** Between every two edges lies one and the same ordinary row, which must not notice them. */
async function testEdges(
  subject: Subject,
  cases: readonly EdgeCase[],
  vocab: number,
  on: Choice,
): Promise<void> {
  const plain = Array.from({ length: subject.matrices }, (_, i) => ordinary(vocab, 7 * i));
  const ids = cases.flatMap((_, i) => [0, i + 1]);
  const logits = plain.map((row, i) => cases.flatMap(({ rows }) => [row, rows[i]]));
  for (const dtype of DTYPES) {
    const outputs = await subject.compute(logits.map((rows) => matrix(rows, dtype)), ids, on);
    const alone = await subject.compute(plain.map((row) => matrix([row], dtype)), [0], on);
    for (const [i, { name, rows, expected }] of cases.entries()) {
      assertSameOutputs(part(outputs, 2 * i, ids.length), alone, `${dtype}, the row before: ${name}`);
      const found = part(outputs, 2 * i + 1, ids.length);
      for (const [output, value] of Object.entries(expected)) {
        assertWithin(found[output], value, `${dtype}, ${name}: ${output}`);
      }
      assertMasked(subject, rows.map((row) => [row]), found, `${dtype}, ${name}`);
    }
  }
}

/** An edge, of each matrix; what is expected depends neither on the backend nor on the dtype. */
interface EdgeCase {
  readonly name: string;
  readonly rows: readonly Float64Array[];
  readonly expected: Record<string, Expected>;
}

function edgeCases(subject: Subject, vocab: number): EdgeCase[] {
  return combine(subject, edgeRows(vocab), vocab).map(({ name, rows }, i) => {
    return { name, rows, expected: subject.expect(rows.map((row) => [row]), [i + 1], {}) };
  });
}

/** Each edge alone; of two matrices in either, in both where rows are not long, and every pair where they are short. */
function combine({ matrices }: Subject, edges: readonly Edge[], vocab: number): Omit<EdgeCase, "expected">[] {
  if (matrices === 1) return edges.map(({ name, row }) => ({ name, rows: [row] }));
  const plain = { name: "ordinary", row: ordinary(vocab, 50) };
  const pairs = vocab < 16
    ? [...edges, plain].flatMap((p) => [...edges, plain].map((q) => [p, q]))
    : edges.flatMap((edge) => [[edge, plain], [plain, edge], ...vocab < 2000 ? [[edge, edge]] : []]);
  return pairs.map(([p, q]) => ({ name: `p: ${p.name}, q: ${q.name}`, rows: [p.row, q.row] }));
}

/** Alone, in another order, among many (in other chunks), with a stride, with a stride of 0, and in wasm memory. */
async function testIndependence(subject: Subject, on: Choice): Promise<void> {
  const count = 4, many = 260, vocab = 1031;
  const random = new Random(SEED);
  const logits = Array.from({ length: subject.matrices }, () => masked(normalRows(random, count, vocab, 6), 9));
  const all = [...Array(count).keys()];
  for (const dtype of DTYPES) {
    const place = (ids: readonly number[], stride = vocab) =>
      logits.map((rows) => matrix(ids.map((id) => rows[id]), dtype, stride));
    const whole = await subject.compute(place(all), all, on);
    const compare = async (what: string, ids: readonly number[], matrices: readonly Matrix[]) => {
      const outputs = await subject.compute(matrices, ids, on);
      ids.forEach((id, row) =>
        assertSameOutputs(part(outputs, row, ids.length), part(whole, id, count), `${dtype}, row ${row} ${what}`)
      );
    };
    for (const id of all) await compare("alone", [id], place([id]));
    const reversed = [...all].reverse();
    await compare("with a row stride", reversed, place(reversed, vocab + 5));
    const tiled = Array.from({ length: many }, (_, i) => i % count);
    await compare(`of ${many}`, tiled, place(tiled));
    const same = place([1]).map((single): Matrix => ({ ...single, shape: [3, vocab], rowStride: 0 }));
    await compare("with a row stride of 0", [1, 1, 1], same);

    using stack = new DisposableStack();
    const resident = logits.map((rows) => {
      const target = stack.use(allocate([count, vocab], dtype));
      fill(target, rows);
      return target;
    });
    await compare("in wasm memory", all, resident);
  }
}

function part(outputs: Outputs, row: number, rows: number): Outputs {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, values]) => {
      const width = values.length / rows;
      return [name, values.subarray(row * width, (row + 1) * width)];
    }),
  );
}

function assertSameOutputs(actual: Outputs, expected: Outputs, what: string): void {
  for (const [name, values] of Object.entries(expected)) assertSame(actual[name], values, `${what}: ${name}`);
}

function assertMasked(subject: Subject, logits: readonly Rows[], outputs: Outputs, what: string): void {
  for (const [name, index] of Object.entries(subject.masked ?? {})) {
    const rows = logits[index];
    for (const i of rows.keys()) {
      if (!logits.every((rows) => hasDistribution(Array.from(rows[i])))) continue;
      const values = part(outputs, i, rows.length)[name];
      const leaks = Array.from(rows[i], (x, j) => x === -Infinity && values[j] !== 0 ? values[j] : 0);
      assertSame(leaks, new Array(leaks.length).fill(0), `${what}: ${name} where the logit is -Infinity`);
    }
  }
}

function hasDistribution(row: readonly number[]): boolean {
  return row.some(Number.isFinite) && row.every((x) => x < Infinity);
}
