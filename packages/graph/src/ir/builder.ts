import {
  type Attribute,
  type Dim,
  type ExternalData,
  type Graph,
  type GraphDType,
  type OpOptions,
  type OutputSpec,
  sha256,
  type Value,
} from '@moepress/core';
import type {
  CarriedTensor,
  CarriedType,
  ElementType,
  GraphIR,
  InitializerIR,
  NodeIR,
  ValueIR,
} from './graph-ir.js';

/** Nodes of the graph, or of the branch or body in it, that is being written. */
interface Frame {
  readonly nodes: NodeIR[];
  /** The values that an operator yielded, by its operator, inputs and attributes. */
  readonly known: Map<string, Value>;
}

/** What a fold makes of its states and a part of each source: the states afterwards, and what it yields besides. */
export type FoldBody = (
  states: readonly Value[],
  parts: readonly Value[],
) => { readonly states: readonly Value[]; readonly outputs: readonly Value[] };

type NodeOptions = Pick<OpOptions, 'domain' | 'attributes' | 'name'> & {
  /** Attributes that are graphs: the branches of an If, the body of a Loop. */
  readonly graphs?: Readonly<Record<string, GraphIR>>;
};

/** Operators whose output sizes the engine cannot infer from their input sizes. */
const sizing = new Set(['NonZero', 'Slice', 'Split', 'Pad', 'Concat']);

const newFrame = (): Frame => ({ nodes: [], known: new Map() });

/**
 * Builds one ONNX graph. Operators are free functions over values (`add(a, b)`); each appends to
 * the builder its values belong to, or to the branch that is open at that moment.
 */
export class GraphBuilder implements Graph {
  readonly #name: string;
  readonly #frames: Frame[] = [newFrame()];
  readonly #inputs: ValueIR[] = [];
  readonly #outputs: ValueIR[] = [];
  readonly #initializers = new Map<string, InitializerIR>();
  readonly #constants = new Map<string, string>();
  readonly #path: string[] = [];
  readonly #values = new Map<string, Value>();
  readonly #folds = new Map<string, FoldBody>();
  readonly #carried = new Map<string, CarriedTensor>();
  readonly #carriedNames = new Map<string, string>();
  #count = 0;
  #marks: Pick<NodeIR, 'onHost' | 'exact'> = {};
  #fewRows: number | null = null;

  /** How the graph brings its weights along; null: they are mapped from the checkpoint's files. */
  readonly carries: CarriedType | null;

  constructor(name: string, { carries = null }: { readonly carries?: CarriedType | null } = {}) {
    this.#name = name;
    this.carries = carries;
  }

  input(name: string, dtype: GraphDType, shape: readonly Dim[]): Value {
    if (this.#inputs.some((input) => input.name === name)) return this.value(name);
    this.#inputs.push({ name, dtype, shape });
    return this.#value(name, dtype, shape);
  }

  output(name: string, value: Value, { onDevice = false } = {}): void {
    const { dtype, shape } = value;
    this.#frames[0]!.nodes.push({
      ...{ type: 'Identity', domain: '', name: `output/${name}`, attributes: {} },
      inputs: [value.name],
      outputs: [name],
    });
    this.#value(name, dtype, shape);
    this.#outputs.push({ name, dtype, shape, ...(onDevice && { onDevice }) });
  }

  op(type: string, inputs: readonly (Value | null)[], options: OpOptions = {}): Value {
    const reference = inputs.find((input) => input !== null);
    const dtype = options.dtype ?? reference?.dtype ?? 'float32';
    const shape = options.shape ?? reference?.shape ?? [];
    const key = JSON.stringify([
      type,
      options.domain,
      inputs.map((input) => input?.name),
      dtype,
      shape,
      options.attributes,
    ]);
    const known = this.#frames.map((frame) => frame.known.get(key)).find((value) => value !== undefined);
    if (known) return known;
    const value = this.multi(type, inputs, [{ dtype, shape }], options)[0]!;
    this.#frames.at(-1)!.known.set(key, value);
    return value;
  }

  multi(
    type: string,
    inputs: readonly (Value | null)[],
    outputs: readonly OutputSpec[],
    options: NodeOptions = {},
  ): Value[] {
    const name = [...this.#path, `${options.name ?? type}_${this.#count++}`].join('/');
    const values = outputs.map(({ dtype, shape }, i) =>
      this.#value(outputs.length === 1 ? name : `${name}:${i}`, dtype, shape),
    );
    const attributes: Record<string, Attribute | GraphIR> = { ...options.attributes, ...options.graphs };
    this.#frames.at(-1)!.nodes.push({
      type,
      domain: options.domain ?? '',
      name,
      inputs: inputs.map((input) => input?.name ?? ''),
      outputs: values.map((value) => value.name),
      attributes,
      ...this.#marks,
    });
    return values;
  }

  constant(data: readonly number[], shape: readonly number[], dtype: GraphDType): Value {
    const type = `const/${dtype}[${shape.join('x')}]`;
    const key = `${type}/${spelled(data)}`;
    // Every node that uses a constant spells its name, so a long one is numbered instead.
    const name = this.#constants.get(key) ?? (data.length <= 16 ? key : `${type}/#${this.#constants.size}`);
    this.#constants.set(key, name);
    if (!this.#initializers.has(name)) {
      this.#initializers.set(name, { name, dtype, shape, data: literalBytes(data, dtype) });
    }
    return this.#value(name, dtype, shape, data);
  }

  /** The same byte range of a file is declared once for each shape it is used in. */
  external(name: string, dtype: ElementType, shape: readonly number[], data: ExternalData): Value {
    const key = `${name}@${data.file}:${data.offset} ${dtype}[${shape.join('x')}]`;
    if (!this.#initializers.has(key)) this.#initializers.set(key, { name: key, dtype, shape, data });
    return this.#value(key, dtype as GraphDType, shape);
  }

  /** A tensor that comes with the graph, each once; of a name that several have, all but the first are numbered. */
  carry(name: string, dtype: ElementType, shape: readonly number[], tensor: CarriedTensor): Value {
    const key = sha256(JSON.stringify([name, shape, tensor.expr]));
    let own = this.#carriedNames.get(key);
    if (own === undefined) {
      own = this.#carried.has(name) ? `${name}#${this.#carried.size}` : name;
      this.#carriedNames.set(key, own);
      this.#carried.set(own, tensor);
      const data = { file: '', offset: 0, length: tensor.bytes };
      this.#initializers.set(own, { name: own, dtype, shape, data });
    }
    return this.#value(own, dtype as GraphDType, shape);
  }

  branch(condition: Value, then: () => readonly Value[], otherwise: () => readonly Value[]): Value[] {
    const [taken, other] = [this.#subgraph('then', then), this.#subgraph('else', otherwise)];
    return this.multi('If', [condition], taken.values, {
      name: 'If',
      graphs: { then_branch: taken.graph, else_branch: other.graph },
    });
  }

  repeat(count: Value, body: (iteration: Value) => readonly Value[], iterations: Dim): Value[] {
    const path = [...this.#path, `Loop_${this.#count++}`].join('/');
    const [iteration, goesOn] = [
      this.#value(`${path}/iteration`, 'int64', []),
      this.#value(`${path}/goesOn`, 'bool', []),
    ];
    const inner = this.#subgraph('body', () => [goesOn, ...body(iteration)], [iteration, goesOn]);
    const stacked = inner.values
      .slice(1)
      .map(({ dtype, shape }) => ({ dtype, shape: [iterations, ...shape] }));
    return this.multi('Loop', [count, null], stacked, { name: 'Loop', graphs: { body: inner.graph } });
  }

  scan(source: Value, body: (part: Value) => readonly Value[]): Value[] {
    const of: FoldBody = (_, [part]) => ({ states: [], outputs: body(part!) });
    return this.scanWithStates([], [source], { body: of }).outputs;
  }

  /** See `fold`. The first inputs and outputs are the states, then come the parts and what is made of them. */
  scanWithStates(
    states: readonly Value[],
    sources: readonly Value[],
    { body, reversed = false }: { readonly body: FoldBody; readonly reversed?: boolean },
  ): { states: Value[]; outputs: Value[] } {
    const path = [...this.#path, `Scan_${this.#count++}`].join('/');
    const inside = (name: string, { dtype }: Value, shape: readonly Dim[]) =>
      this.#value(`${path}/${name}`, dtype, shape);
    const before = states.map((state, i) => inside(`state.${i}`, state, state.shape));
    const parts = sources.map((source, i) => inside(`part.${i}`, source, source.shape.slice(1)));
    const inner = this.#subgraph('body', () => {
      const { states: after, outputs } = body(before, parts);
      return [...after, ...outputs];
    }, [...before, ...parts]);
    const steps = sources[0]!.shape[0]!;
    const yields = inner.values.map(({ dtype, shape }, i) =>
      i < states.length ? { dtype, shape: states[i]!.shape } : { dtype, shape: [steps, ...shape] },
    );
    const directions = (count: number) => new Array<number>(count).fill(1);
    const attributes = {
      num_scan_inputs: sources.length,
      ...(reversed && {
        scan_input_directions: directions(sources.length),
        scan_output_directions: directions(inner.values.length - states.length),
      }),
    };
    const all = this.multi('Scan', [...states, ...sources], yields, {
      name: 'Scan',
      attributes,
      graphs: { body: inner.graph },
    });
    if (!reversed) this.#folds.set(all[0]!.name, body);
    return { states: all.slice(0, states.length), outputs: all.slice(states.length) };
  }

  /** What a fold does with each part, by the name of its first state afterwards. */
  foldBody(name: string): FoldBody {
    const body = this.#folds.get(name);
    if (!body) throw new RangeError(`${name} does not come from a fold.`);
    return body;
  }

  scoped<T>(path: string, build: () => T): T {
    this.#path.push(path);
    try {
      return build();
    } finally {
      this.#path.pop();
    }
  }

  onHost<T>(build: () => T): T {
    return this.#marked({ onHost: true }, build);
  }

  exactly<T>(build: () => T): T {
    return this.#marked({ exact: true }, build);
  }

  withFewRows<T>(most: number, build: () => T): T {
    const before = this.#fewRows;
    this.#fewRows = most;
    try {
      return build();
    } finally {
      this.#fewRows = before;
    }
  }

  get fewRows(): number | null {
    return this.#fewRows;
  }

  /** The nodes of the graph, or of the branch or body in it that is open, in the order they were appended. */
  get nodes(): readonly NodeIR[] {
    return this.#frames.at(-1)!.nodes;
  }

  /** The value of a name that a node mentions. */
  value(name: string): Value {
    const value = this.#values.get(name);
    if (!value) throw new RangeError(`The graph has no value ${name}.`);
    return value;
  }

  /** Whether a name is that of a weight or a constant. */
  isInitializer(name: string): boolean {
    return this.#initializers.has(name);
  }

  /** Appends a copy of a node with other inputs; yields its outputs. */
  again({ type, domain, attributes, outputs }: NodeIR, inputs: readonly (Value | null)[]): Value[] {
    return this.multi(
      type,
      inputs,
      outputs.map((output) => this.value(output)),
      { domain, attributes } as NodeOptions,
    );
  }

  /** The graph without what no output depends on. */
  finish(): GraphIR {
    const { nodes, used } = liveNodes(this.nodes, this.#outputs);
    const typed = (output: string): ValueIR => {
      const { name, dtype, shape } = this.value(output);
      return { name, dtype, shape };
    };
    return {
      name: this.#name,
      nodes,
      initializers: [...this.#initializers.values()].filter(({ name }) => used.has(name)),
      inputs: this.#inputs,
      outputs: this.#outputs,
      values: this.#values,
      ...(this.carries && { carried: this.#carried }),
      named: nodes.flatMap(({ type, inputs, outputs }) => {
        if (!sizing.has(type)) return [];
        const known = new Set(inputs.flatMap((input) => (input === '' ? [] : this.value(input).shape)));
        const isNew = (size: Dim) => typeof size === 'string' && !known.has(size);
        return outputs.map(typed).filter(({ shape }) => shape?.some(isNew));
      }),
    };
  }

  #subgraph(
    name: string,
    build: () => readonly Value[],
    inputs: readonly Value[] = [],
  ): { graph: GraphIR; values: readonly Value[] } {
    const frame = newFrame();
    this.#frames.push(frame);
    try {
      // A branch may not hand out an outer value by its own name, nor one value twice by the same.
      const values = this.scoped(name, () =>
        build().flatMap((value) => this.multi('Identity', [value], [value])),
      );
      const outputs = values.map((value) => ({ name: value.name, dtype: value.dtype }));
      const declared = inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
      const { nodes } = liveNodes(frame.nodes, outputs);
      return { graph: { name, nodes, initializers: [], inputs: declared, outputs }, values };
    } finally {
      this.#frames.pop();
    }
  }

  #marked<T>(marks: Pick<NodeIR, 'onHost' | 'exact'>, build: () => T): T {
    const before = this.#marks;
    this.#marks = { ...before, ...marks };
    try {
      return build();
    } finally {
      this.#marks = before;
    }
  }

  #value(name: string, dtype: GraphDType, shape: readonly Dim[], literal?: readonly number[]): Value {
    const value: Value = { graph: this, name, dtype, shape, ...(literal && { literal }) };
    this.#values.set(name, value);
    return value;
  }
}

/** The builder behind a value's graph. Throws a TypeError for a graph that this package did not make. */
export function builderOf(graph: Graph): GraphBuilder {
  if (graph instanceof GraphBuilder) return graph;
  throw new TypeError('The graph was not made by GraphBuilder.');
}

/** Nodes that outputs depend on, and the names these use; branches and bodies may use any outer name. */
function liveNodes(nodes: readonly NodeIR[], outputs: readonly ValueIR[]) {
  const used = new Set(outputs.map(({ name }) => name));
  const live: NodeIR[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => used.has(output))) continue;
    live.push(node);
    for (const name of namesIn(node)) used.add(name);
  }
  return { nodes: live.reverse(), used };
}

function* namesIn(node: NodeIR): Generator<string> {
  yield* node.inputs;
  for (const attribute of Object.values(node.attributes)) {
    if (typeof attribute !== 'object' || !('nodes' in attribute)) continue;
    for (const inner of attribute.nodes) yield* namesIn(inner);
  }
}

/** Long tables, which many weights share, as they are spelled in keys. */
const spellings = new WeakMap<readonly number[], string>();

function spelled(data: readonly number[]): string {
  if (data.length <= 256) return data.join(',');
  const known = spellings.get(data) ?? data.join(',');
  spellings.set(data, known);
  return known;
}

function literalBytes(data: readonly number[], dtype: GraphDType): Uint8Array {
  const typed = (() => {
    if (dtype === 'float32') return new Float32Array(data);
    if (dtype === 'float64') return new Float64Array(data);
    if (dtype === 'int64') return new BigInt64Array(data.map(BigInt));
    if (dtype === 'int32') return new Int32Array(data);
    if (dtype === 'bool' || dtype === 'uint8') return new Uint8Array(data);
    throw new TypeError(`No literals of ${dtype}.`);
  })();
  return new Uint8Array(typed.buffer);
}
