/** Writes ONNX models: the few messages of onnx.proto that a small graph needs, in protobuf's wire format. */

/** Field numbers with their values; a nested list is a message. */
type Field = readonly [number: number, value: number | string | Uint8Array | readonly Field[]];

/** Element types by their numbers in `TensorProto.DataType`. */
const TYPES = { f32: 1, i32: 6, i64: 7 } as const;

/** An operator, the names of its inputs and outputs, and its integer attributes. */
export type Node = readonly [
  operator: string,
  inputs: string,
  outputs: string,
  attributes?: Readonly<Record<string, number>>,
];

/** A graph; values are known by their names, which a space separates. */
export interface Graph {
  /** The operators in order. */
  readonly nodes: readonly Node[];
  /** Names, types and shapes of what is fed. */
  readonly inputs: Readonly<Record<string, readonly [type: keyof typeof TYPES, ...shape: number[]]>>;
  /** Vectors. */
  readonly constants: Readonly<Record<string, Float32Array | BigInt64Array>>;
  /** Names of the f32 values that come out. */
  readonly outputs: string;
}

/** A model of opset 18. */
export function encodeModel({ nodes, inputs, constants, outputs }: Graph): Uint8Array<ArrayBuffer> {
  const graph: Field[] = [
    ...nodes.map((node): Field => [1, nodeFields(node)]),
    [2, "graph"],
    ...Object.entries(constants).map(([name, data]): Field => [5, constantFields(name, data)]),
    ...Object.entries(inputs).map(([name, [type, ...shape]]): Field => [11, valueFields(name, type, shape)]),
    ...outputs.split(" ").map((name): Field => [12, valueFields(name, "f32")]),
  ];
  return Uint8Array.from(encode([[1, 8], [8, [[2, 18]]], [7, graph]]));
}

function nodeFields([operator, inputs, outputs, attributes = {}]: Node): Field[] {
  return [
    ...inputs.split(" ").map((name): Field => [1, name]),
    ...outputs.split(" ").map((name): Field => [2, name]),
    [4, operator],
    ...Object.entries(attributes).map(([name, value]): Field => [5, [[1, name], [3, value], [20, 2]]]),
  ];
}

function constantFields(name: string, data: Float32Array | BigInt64Array): Field[] {
  const type = data instanceof Float32Array ? TYPES.f32 : TYPES.i64;
  return [[1, data.length], [2, type], [8, name], [9, new Uint8Array(data.buffer)]];
}

/** Without a shape the runtime infers it. */
function valueFields(name: string, type: keyof typeof TYPES, shape?: readonly number[]): Field[] {
  const dimensions: Field[] = shape === undefined ? [] : [[2, shape.map((size): Field => [1, [[1, size]]])]];
  return [[1, name], [2, [[1, [[1, TYPES[type]], ...dimensions]]]]];
}

function encode(fields: readonly Field[]): number[] {
  return fields.flatMap(([number, value]) => {
    if (typeof value === "number") return [...varint(number << 3), ...varint(value)];
    const bytes = typeof value === "string"
      ? [...new TextEncoder().encode(value)]
      : value instanceof Uint8Array
      ? [...value]
      : encode(value);
    return [...varint(number << 3 | 2), ...varint(bytes.length), ...bytes];
  });
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...varint(Math.floor(value / 128))];
}
