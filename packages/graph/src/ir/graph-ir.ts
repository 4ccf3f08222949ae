import type { Attribute, Dim, ExternalData, TensorExpr } from '@moepress/core';

/** Element types of ONNX tensors with their numbers in onnx.proto. */
export const elementTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
  float8e4m3fn: 17,
} as const;

export type ElementType = keyof typeof elementTypes;

/** A graph as data: what the builder makes, the encoder writes and differentiation walks. */
export interface GraphIR {
  readonly name: string;
  readonly nodes: readonly NodeIR[];
  readonly initializers: readonly InitializerIR[];
  readonly inputs: readonly ValueIR[];
  readonly outputs: readonly ValueIR[];
  /**
   * Values whose sizes depend on data. Without names of these sizes the engine cannot know that two of them are
   * equal: it then computes nothing in place, and searches all free buffers in vain whenever it plans another value.
   */
  readonly named?: readonly ValueIR[];
  /** Initializers that come with the graph in files of their own, by name; absent where all are mapped from a checkpoint. */
  readonly carried?: ReadonlyMap<string, CarriedTensor>;
  /** Types and shapes of all values, those of branches and bodies among them; only of the outermost graph. */
  readonly values?: ReadonlyMap<string, Pick<ValueIR, 'dtype' | 'shape'>>;
}

export interface ValueIR {
  readonly name: string;
  readonly dtype: ElementType;
  /** Absent where inference is left to the engine. */
  readonly shape?: readonly Dim[];
  /**
   * Whether an output is left in the memory of the device that the graph runs on, where the device has memory
   * separate from the CPU's.
   */
  readonly onDevice?: boolean;
}

export interface NodeIR {
  readonly type: string;
  readonly domain: string;
  readonly name: string;
  /** Empty string: optional input left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute | GraphIR>>;
  /** Whether the node runs on the CPU while the graph runs on another device. */
  readonly onHost?: boolean;
  /** Whether the node is computed in its stated precision, while others may be computed in a lower one. */
  readonly exact?: boolean;
}

export interface InitializerIR {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly data: Uint8Array | ExternalData;
}

/** Precision of the weights that a graph brings along: fp32, fp16, or 4 bits with a scale for each block of numbers. */
export const carriedTypes = ['fp32', 'fp16', 'q4'] as const;

export type CarriedType = (typeof carriedTypes)[number];

/** What an initializer holds that comes with its graph, whose external data names no file yet. */
export interface CarriedTensor {
  readonly expr: TensorExpr;
  /**
   * Its numbers in a floating-point type; or rows in blocks of unsigned integers of few bits around a zero in the middle,
   * as the operator `MatMulNBits` takes them, or the fp32 scales of these blocks.
   */
  readonly form: 'float32' | 'float16' | QuantisedForm;
  readonly bytes: number;
}

export interface QuantisedForm {
  readonly bits: 4 | 8;
  /** Neighbours in a row that share a scale. */
  readonly block: number;
  readonly part: 'numbers' | 'scales';
}
