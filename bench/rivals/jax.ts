/** jax-js on its WebAssembly backend, or on WebGPU, as a contender. */
import type { Formulate, Library, OperationName, Outputs, Problem } from "./contender.ts";
import { importPackage } from "./packages.ts";

/** Its functions consume their arguments; `ref` is one more reference. */
interface JaxArray {
  readonly ref: JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  add(other: JaxArray): JaxArray;
  sub(other: JaxArray): JaxArray;
  mul(other: JaxArray): JaxArray;
  div(other: JaxArray): JaxArray;
  data(): Promise<Float32Array>;
  dispose(): void;
}

interface KeepDimensions {
  readonly keepdims: true;
}

type Compute = (...args: JaxArray[]) => JaxArray | JaxArray[];

/** What is used of the package. */
interface Jax {
  init(device: "wasm" | "webgpu"): Promise<readonly string[]>;
  defaultDevice(device: "wasm" | "webgpu"): unknown;
  jit<Function extends Compute>(compute: Function): Function;
  valueAndGrad(compute: (...args: JaxArray[]) => JaxArray): (...args: JaxArray[]) => JaxArray[];
  blockUntilReady(arrays: readonly JaxArray[]): Promise<unknown>;
  readonly nn: {
    softmax(x: JaxArray, axis: number): JaxArray;
    logsumexp(x: JaxArray, axis: number, options?: KeepDimensions): JaxArray;
  };
  readonly numpy: {
    array(data: Float32Array | Int32Array): JaxArray;
    exp(x: JaxArray): JaxArray;
    log(x: JaxArray): JaxArray;
    max(x: JaxArray, axis: number, options: KeepDimensions): JaxArray;
    sum(x: JaxArray, axis: number, options: KeepDimensions): JaxArray;
    mean(x: JaxArray): JaxArray;
    takeAlongAxis(x: JaxArray, indices: JaxArray, axis: number): JaxArray;
    arange(end: number): JaxArray;
    equal(x: JaxArray, y: JaxArray): JaxArray;
    where(condition: JaxArray, x: JaxArray, y: number): JaxArray;
  };
}

const KEEP: KeepDimensions = { keepdims: true };

/** Loads it for a GPU, whose device it opens itself. */
export async function openJaxOnWebGpu(): Promise<Library> {
  const jax = await importPackage<Jax>("jax");
  const devices = await jax.init("webgpu");
  if (!devices.includes("webgpu")) throw new Error(`jax-js offers ${devices.join(", ")}, not webgpu`);
  jax.defaultDevice("webgpu");
  return { load: (problem) => load(jax, problem) };
}

/** Loads it. */
export async function openJax(threads: number): Promise<Library> {
  // It starts as many workers as the machine has cores, which it asks while it loads.
  Object.defineProperty(navigator, "hardwareConcurrency", { value: threads, configurable: true });
  const jax = await importPackage<Jax>("jax");
  Reflect.deleteProperty(navigator, "hardwareConcurrency");
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  // Its workers start with the first kernel: now, before ONNX Runtime puts node's Worker in place of the global one.
  // A kernel has to be large enough to need them.
  await jax.blockUntilReady([jax.numpy.exp(jax.numpy.array(new Float32Array(1024)))]);
  return { load: (problem) => load(jax, problem) };
}

/** `jit` makes one kernel of each reduction, which is less work, but splits it between workers only above 512 rows each. */
function load(jax: Jax, { rows, vocab, p, q, targets }: Problem): Formulate {
  const { nn, numpy } = jax;
  const x = numpy.array(p).reshape([rows, vocab]), y = numpy.array(q).reshape([rows, vocab]);
  const classes = numpy.array(targets).reshape([rows, 1]);
  const logSumExp = (x: JaxArray) => nn.logsumexp(x, -1);
  const crossEntropy = (x: JaxArray, classes: JaxArray) =>
    numpy.mean(nn.logsumexp(x.ref, -1, KEEP).sub(numpy.takeAlongAxis(x, classes, -1)));
  const gradient = jax.valueAndGrad(crossEntropy);
  // The gradient of takeAlongAxis scatters by atomics, whose WGSL wgpu refuses
  const masked = (x: JaxArray, classes: JaxArray) => {
    const isTarget = numpy.equal(numpy.arange(vocab).reshape([1, vocab]), classes);
    return numpy.mean(nn.logsumexp(x.ref, -1, KEEP).sub(numpy.sum(numpy.where(isTarget, x, 0), -1, KEEP)));
  };

  const formulations: Record<OperationName, Record<string, readonly [Compute, ...JaxArray[]]>> = {
    "log-sum-exp": { "jit(logsumexp)": [jax.jit(logSumExp), x], "logsumexp": [logSumExp, x] },
    "softmax": { "jit(softmax)": [jax.jit((x: JaxArray) => nn.softmax(x, -1)), x] },
    "CE forward": {
      "jit(logsumexp − takeAlongAxis)": [jax.jit(crossEntropy), x, classes],
      "logsumexp − takeAlongAxis": [crossEntropy, x, classes],
    },
    "CE + gradient": {
      "jit(valueAndGrad)": [jax.jit(gradient), x, classes],
      "valueAndGrad": [gradient, x, classes],
      "jit(valueAndGrad), masked sum": [jax.jit(jax.valueAndGrad(masked)), x, classes],
    },
    "KL divergence": { "jit(exp, sum)": [jax.jit((x: JaxArray, y: JaxArray) => divergence(jax, x, y)), x, y] },
  };
  return (operation) =>
    Promise.resolve(
      Object.entries(formulations[operation]).map(([how, [compute, ...args]]) => ({
        how,
        compute: () => run(jax, compute, args),
      })),
    );
}

/** Σ e^(x − max)·(x − y) / Σ e^(x − max) + ln Σ e^y − ln Σ e^x: twice as fast as the formula with logSoftmax. */
function divergence({ numpy }: Jax, x: JaxArray, y: JaxArray): JaxArray {
  const maxX = numpy.max(x.ref, -1, KEEP), maxY = numpy.max(y.ref, -1, KEEP);
  const weights = numpy.exp(x.ref.sub(maxX.ref));
  const sumX = numpy.sum(weights.ref, -1, KEEP), sumY = numpy.sum(numpy.exp(y.ref.sub(maxY.ref)), -1, KEEP);
  const normalisers = numpy.log(sumY).add(maxY).sub(numpy.log(sumX.ref)).sub(maxX);
  return numpy.mean(numpy.sum(weights.mul(x.sub(y)), -1, KEEP).div(sumX).add(normalisers));
}

async function run(jax: Jax, compute: Compute, args: readonly JaxArray[]): Promise<Outputs> {
  const arrays = [compute(...args.map(({ ref }) => ref))].flat();
  await jax.blockUntilReady(arrays);
  return {
    read: () => Promise.all(arrays.map(({ ref }) => ref.data())),
    free: () => arrays.forEach((array) => array.dispose()),
  };
}
