/**
 * A graph that is being built. @moepress/graph implements it and provides the operators as functions over values;
 * core only names it, so that contracts need no engine.
 */
export interface Graph {
  /** Appends a node with one output, unless an equal node is there already. `type` is an ONNX operator. */
  op(type: string, inputs: readonly (Value | null)[], options?: OpOptions): Value;
  /** Appends a node with several outputs. */
  multi(
    type: string,
    inputs: readonly (Value | null)[],
    outputs: readonly OutputSpec[],
    options?: Pick<OpOptions, 'domain' | 'attributes' | 'name'>,
  ): Value[];
  /** A small literal tensor, row-major. Equal literals are one tensor. */
  constant(data: readonly number[], shape: readonly number[], dtype: GraphDType): Value;
  /** A tensor that the engine maps from a file; nothing is copied. */
  external(name: string, dtype: GraphDType, shape: readonly number[], data: ExternalData): Value;
  /** A tensor fed at run time. However often it is declared, the first declaration holds. */
  input(name: string, dtype: GraphDType, shape: readonly Dim[]): Value;
  /** Makes a value an output of the graph. `onDevice`: it stays in the memory of the device; default false. */
  output(name: string, value: Value, options?: { readonly onDevice?: boolean }): void;
  /**
   * Only the branch taken is computed. Both branches may use any outer value and must yield the same number of
   * values, of the dtypes and shapes of the first.
   */
  branch(condition: Value, then: () => readonly Value[], otherwise: () => readonly Value[]): Value[];
  /**
   * Computes `body` for 0, 1, .. up to `count` (int64 [], exclusive). Yields what each iteration yields, stacked:
   * [`iterations`, ...shape], where shapes are those of the first iteration.
   */
  repeat(count: Value, body: (iteration: Value) => readonly Value[], iterations: Dim): Value[];
  /**
   * Computes `body` for each part `source[i]` of a value, which is read in place; it may use any outer value. Yields what
   * each computation yields, stacked: [parts, ...shape].
   */
  scan(source: Value, body: (part: Value) => readonly Value[]): Value[];
  /** Prefixes the names of the nodes that `build` appends. */
  scoped<T>(path: string, build: () => T): T;
  /** Runs the nodes that `build` appends on the CPU, whichever device the graph runs on. */
  onHost<T>(build: () => T): T;
  /** Keeps the precision of the nodes that `build` appends when the graph is converted to a lower one. */
  exactly<T>(build: () => T): T;
  /**
   * Writes the nodes that `build` appends for few rows: up to `most` rows are multiplied with a weight one by one,
   * and weights of narrow types are converted and multiplied a part at a time.
   */
  withFewRows<T>(most: number, build: () => T): T;
  /** The number of rows that are multiplied with a weight one by one; null: the graph is written for many rows. */
  readonly fewRows: number | null;
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

/** Dimensions; those known only at run time are named. */
export type Dim = number | string;

/** A tensor that will exist when the graph runs. */
export interface Value {
  readonly graph: Graph;
  readonly name: string;
  readonly dtype: GraphDType;
  readonly shape: readonly Dim[];
  /** The numbers of a constant, row-major; absent for every other value. */
  readonly literal?: readonly number[];
}

/** The value that a node produces; a node has one of these per output. */
export interface OutputSpec {
  readonly dtype: GraphDType;
  readonly shape: readonly Dim[];
}

/** Bytes of a file that the engine maps. */
export interface ExternalData {
  /** Absolute path, symbolic links resolved. */
  readonly file: string;
  readonly offset: number;
  readonly length: number;
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
