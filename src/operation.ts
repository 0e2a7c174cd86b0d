/**
 * The vocabulary of the house: what an operation is, what a matrix is, what a checked call is. Types only.
 *
 * @module
 */

/** How the elements of a {@linkcode Matrix} are stored. `f16` is IEEE binary16, `bf16` the upper half of a binary32. */
export type DType = "f32" | "f16" | "bf16";

/** The arrays that can hold the elements of a {@linkcode Matrix}. */
export type MatrixData = Float32Array | Float16Array | Uint16Array;

/** A row-major matrix over a caller's array, or over a buffer of the GPU; nothing is copied until it is used. */
export interface Matrix<Data extends AnyData = MatrixData> {
  /**
   * The elements: `Float32Array` (f32), `Float16Array` (f16), or `Uint16Array` with `dtype` "bf16" or "f16" (the raw codes). A
   * `GPUBuffer` holds the same bytes, from its first one on.
   */
  readonly data: Data;
  /** `[rows, columns]`. */
  readonly shape: readonly [rows: number, columns: number];
  /** How `data` is read; needed for a `Uint16Array` and a `GPUBuffer`. */
  readonly dtype?: DType;
  /** Elements from the start of one row to the start of the next; `columns` unless given. Inputs may say 0: one row for all. */
  readonly rowStride?: number;
}

/** The elements of a {@linkcode Matrix} wherever they lie. */
export type AnyData = MatrixData | GPUBuffer;

/** A {@linkcode Matrix} wherever it lies. */
export type AnyMatrix = Matrix<AnyData>;

/** The backends that can be asked for by name. */
export type BackendName = "wasm" | "webgpu" | "reference";

/** Options that every operation takes. */
export interface CommonOptions {
  /**
   * Where to compute. "auto" (the default) goes where the data are: to WebGPU for a `GPUBuffer`, else to WebAssembly, unless
   * the copy to a GPU and back is predicted to pay; to the reference where SIMD is missing. Only "webgpu" takes an adapter
   * that is a CPU in disguise.
   */
  readonly backend?: "auto" | BackendName;
  /**
   * The device that WebGPU computes on, which must be that of all `GPUBuffer`s; one of our own unless given. It decides
   * nothing where the backend is another one.
   */
  readonly device?: GPUDevice;
  /**
   * `true` forces the plain SIMD build, whose results are bit-identical on every machine (no relaxed FMA); a GPU cannot
   * promise that.
   */
  readonly deterministic?: boolean;
  /**
   * How many threads compute, 1 to 128: what the work deserves unless given, at most one a core. Results have the same bits
   * for any number. The first call that deserves more threads than there are starts them, some 30 ms each.
   */
  readonly threads?: number;
  /**
   * Stops the work between two blocks of rows; outputs may then be partly written. A call without a promise looks at it once,
   * before it begins.
   */
  readonly signal?: AbortSignal;
}

/** Where new matrices that are outputs go. */
export interface GpuOutputs {
  /**
   * "gpu" leaves them in `GPUBuffer`s, f32, which are the caller's to destroy; new arrays unless given. What is one number a
   * row is read back in any case.
   */
  readonly outputs: "gpu";
}

/** Transformations of raw logits that come before anything else: first the cap, then the temperature. */
export interface LogitsOptions {
  /** Soft cap s: x becomes s·tanh(x / s). −∞ stays −∞. None unless given. */
  readonly softcap?: number;
  /** Temperature T: x becomes x / T. 1 unless given. */
  readonly temperature?: number;
}

/** What every operation says of how it ran. */
export interface Report {
  /** The backend that computed. */
  readonly backend: BackendName;
  /** Why it was chosen, in one sentence. */
  readonly reason: string;
  /** How many threads took part. */
  readonly threads: number;
  /** Wall time from the checked arguments to the last result, in seconds. */
  readonly seconds: number;
  /** What the cost model predicted of it, in seconds, without what happens once: threads that start, a GPU that opens. */
  readonly predictedSeconds: number;
  /**
   * Time that the GPU computed, in seconds, by its own clock: without copies to it and back. Only where WebGPU computed, has
   * such a clock and something was read back.
   */
  readonly gpuSeconds?: number;
  /** Bytes of inputs read from memory, counted once. */
  readonly bytesRead: number;
  /** Bytes of outputs written to memory. */
  readonly bytesWritten: number;
}

/** Sizes by the names that shapes use: `rows`, `vocab`, `top`, … */
export type Dims = Readonly<Record<string, number>>;

/** An input or output of an operation. */
export interface TensorSpec {
  /** Its name, also in error messages. */
  readonly name: string;
  /**
   * Symbolic sizes; a number stands for itself. Without "rows" the tensor is shared by all rows; where it comes second they
   * are the columns.
   */
  readonly shape: readonly (string | number)[];
  /** Element type: `float` is any {@linkcode DType}. */
  readonly type: "float" | "f32" | "f64" | "i32";
  /** May be left out of a call. */
  readonly optional?: true;
}

/** The work of a call, from which bandwidth and cost follow. */
export interface Traffic {
  /** Bytes of inputs, each counted once. */
  readonly bytesRead: number;
  /** Bytes of outputs. */
  readonly bytesWritten: number;
  /** Exponentials evaluated. */
  readonly exps: number;
  /** Other floating-point operations. */
  readonly flops: number;
}

/** What an operation does for each row and class. */
export interface Work {
  /** Exponentials. */
  readonly exps: number;
  /** Floating-point operations of matrix products: none unless given. */
  readonly matrixFlops?: number;
  /** Other floating-point operations. */
  readonly flops: number;
}

/** An operation as the backends see it: names, shapes, scalars and work. Kernels take its arguments in this order. */
export interface Operation {
  /** The public function's name. */
  readonly name: string;
  /** Inputs, in the order of the kernel's arguments. */
  readonly inputs: readonly TensorSpec[];
  /** Outputs, after the inputs. */
  readonly outputs: readonly TensorSpec[];
  /** Scalar parameters, after the dimensions, each with what it is where no option says otherwise. */
  readonly params: Readonly<Record<string, number>>;
  /** Arithmetic per row and class, given which tensors are present and the sizes. */
  work(present: ReadonlySet<string>, dims: Dims): Work;
  /** How backends that have no kernel of this name compute it from operations that they have kernels of. */
  readonly compose?: (call: CheckedCall, room: Room) => Iterable<Step>;
}

/** Memory for what a composed call keeps from one step to the next. It is free when the call is over. */
export interface Room {
  /** Bytes that the call may take beside its inputs and outputs. */
  readonly limitBytes: number;
  /** Rows of logits that are worth a tile. */
  readonly mostRows: number;
  /**
   * The f32 matrix of this name where the backend computes, with these elements if they are given; its rows may lie apart. It
   * has the memory of a matrix of the same name before.
   */
  matrix(name: string, rows: number, columns: number, elements?: Float32Array): AnyTensor;
}

/**
 * A step of a composed call: another call; or a matrix of its room to be looked at; or nothing but waiting until all steps
 * before are finished, as looking does too. A call may be begun before those before it are finished, but takes effect after.
 */
export type Step =
  | { readonly call: CheckedCall; finish?(): void }
  | { readonly read: AnyTensor; finish(elements: Float32Array): void }
  | "wait";

/** The arrays that hold a tensor's elements. */
export type TensorData = MatrixData | Float64Array | Int32Array;

/** A checked tensor: `rows` rows of `columns` elements, `rowStride` elements apart (0 where all rows are one). */
export interface Tensor {
  /** The elements, the first of row 0 at index 0. */
  readonly data: TensorData;
  /** Element type. */
  readonly dtype: DType | "f64" | "i32";
  /** Rows; 1 for a tensor that all rows share. */
  readonly rows: number;
  /** Elements of a row. */
  readonly columns: number;
  /** Elements from one row to the next. */
  readonly rowStride: number;
  /** Whether its array is new, and all its pages are still to be touched. */
  readonly isNew?: true;
}

/** A checked matrix in a buffer of the GPU. */
export interface DeviceTensor extends Omit<Tensor, "data" | "dtype" | "isNew"> {
  /** The elements; an output that stays on the device has none until the backend has made it. */
  buffer?: GPUBuffer;
  /** Rows of the buffer before its first one: none unless given. */
  readonly firstRow?: number;
  /** Element type. */
  readonly dtype: DType;
}

/** A checked tensor wherever it lies. */
export type AnyTensor = Tensor | DeviceTensor;

/** A call whose arguments have been checked: what `run.ts` hands to a backend. */
export interface CheckedCall {
  /** What to compute. */
  readonly operation: Operation;
  /** Sizes by name. */
  readonly dims: Dims;
  /** Tensors by name; the optional ones may be absent. */
  readonly tensors: Readonly<Record<string, AnyTensor | undefined>>;
  /** Scalars by name. */
  readonly params: Readonly<Record<string, number>>;
  /** The common options. */
  readonly options: CommonOptions;
}

/** What a backend says of a call that it has computed. */
export type Outcome = Pick<Report, "threads" | "gpuSeconds">;

/** A way to compute any operation. */
export interface Backend {
  /** The name it is asked for by. */
  readonly name: BackendName;
  /** Why it cannot compute this call, in half a sentence; undefined if it can. */
  obstacle(call: CheckedCall): string | undefined | Promise<string | undefined>;
  /** How it would compute it, in half a sentence. */
  manner(call: CheckedCall): string;
  /** Computes a call that has rows and no obstacle, leaving the event loop free to turn; stops at the call's signal. */
  run(call: CheckedCall): Promise<Outcome>;
}

/** A way to compute any operation without a promise. */
export interface SyncBackend extends Backend {
  obstacle(call: CheckedCall): string | undefined;
  /** As `run`, at once; the signal is not looked at. */
  runSync(call: CheckedCall): Outcome;
}
