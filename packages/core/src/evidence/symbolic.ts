/**
 * The part of a graph that a statistic sees. @moepress/graph implements it and provides the
 * operators; core only names it, so that contracts need no engine.
 */
export interface Graph {
  /** Appends a node with one output. `type` is an ONNX operator. */
  op(type: string, inputs: readonly (Value | null)[], options?: OpOptions): Value;
  constant(data: readonly number[], shape: readonly number[], dtype: GraphDType): Value;
}

export type GraphDType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'uint8'
  | 'float8e4m3fn'
  | 'bool';

/** Sizes known only at run time are named. */
export type Dim = number | string;

/** A tensor that will exist when the graph runs. */
export interface Value {
  readonly graph: Graph;
  readonly name: string;
  readonly dtype: GraphDType;
  readonly shape: readonly Dim[];
}

/** Plain numbers are integers; floating-point attributes are marked, since ONNX tells them apart. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface OpOptions {
  readonly dtype?: GraphDType;
  readonly shape?: readonly Dim[];
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Path-like name of the node, for profiles and errors. */
  readonly name?: string;
}
