import type { GraphIR, NodeIR, ValueIR } from './graph-ir.js';

/** The size of a named axis. Sums and products of names, such as `N*Q`, are split into names first. */
export type DimSize = (name: string) => number;

const bytesOf: Partial<Record<ValueIR['dtype'], number>> = {
  float64: 8,
  int64: 8,
  uint64: 8,
  float32: 4,
  int32: 4,
  uint32: 4,
  float16: 2,
  bfloat16: 2,
  uint16: 2,
  int16: 2,
};

/**
 * Operators that return their input with another shape, and those that may write into an input that is not read
 * again.
 */
const aliasing = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Identity']);
const inPlace = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Sigmoid',
  'Clip',
  'Exp',
  'Log',
  'Neg',
  'Sqrt',
  'Softmax',
  'ScatterND',
]);

/**
 * Bytes that the values of a graph take at once when the engine computes them on the processor: what nodes yield,
 * from when they do until nobody reads it any more, outputs included, inputs and mapped weights not. Nodes
 * are taken in the order in which ONNX Runtime (1.30) takes them: what the last output depends on first.
 */
export function peakBytes(graph: GraphIR, size: DimSize): number {
  return new Simulation(graph, size).run(graph, 0);
}

/**
 * The same for values of at least `largest` bytes alone, and for all others. The two maxima may occur at different
 * moments, so that their sum may be more than `peakBytes`. `taken` tells what a small value of so many bytes takes of the
 * memory; as many by default.
 */
export function peakParts(
  graph: GraphIR,
  size: DimSize,
  largest: number,
  taken = (bytes: number) => bytes,
): { large: number; small: number } {
  const peak = (count: (bytes: number) => number) => new Simulation(graph, size, count).run(graph, 0);
  return {
    large: peak((bytes) => (bytes >= largest ? bytes : 0)),
    small: peak((bytes) => (bytes < largest ? taken(bytes) : 0)),
  };
}

/** Bytes of the outputs of a graph. */
export function outputBytes(graph: GraphIR, size: DimSize): number {
  return new Simulation(graph, size).outputs(graph);
}

class Simulation {
  readonly #values: NonNullable<GraphIR['values']>;
  readonly #size: DimSize;
  /** What a value of so many bytes counts. */
  readonly #taken: (bytes: number) => number;

  constructor(
    { values = new Map() }: GraphIR,
    size: DimSize,
    taken: (bytes: number) => number = (bytes) => bytes,
  ) {
    this.#values = values;
    this.#size = size;
    this.#taken = taken;
  }

  outputs({ outputs }: GraphIR): number {
    return outputs.reduce((sum, { name }) => sum + this.#bytes(name), 0);
  }

  /** The most bytes that are live at once, `before` included. */
  run(graph: GraphIR, before: number): number {
    const order = executionOrder(graph);
    const lastUse = new Map<string, number>();
    for (const [i, node] of order.entries()) for (const name of namesRead(node)) lastUse.set(name, i);
    for (const { name } of graph.outputs) lastUse.set(name, order.length);
    /** The owner of the memory behind a name, and the last node that reads it by any name. */
    const owner = new Map<string, string>();
    const owned = new Map<string, { bytes: number; until: number }>();
    const dying = new Map<number, string[]>();
    let [live, peak] = [before, before];
    for (const [i, node] of order.entries()) {
      peak = Math.max(peak, this.#inside(node, live));
      for (const output of node.outputs) {
        const until = lastUse.get(output) ?? i;
        const source = this.#reused(node, output, { owner, owned, at: i });
        const root = source ?? output;
        owner.set(output, root);
        const mine = owned.get(root);
        if (source !== undefined && mine) mine.until = Math.max(mine.until, until);
        else {
          const bytes = this.#bytes(output);
          live += bytes;
          owned.set(root, { bytes, until });
        }
        const end = owned.get(root)!.until;
        dying.set(end, [...(dying.get(end) ?? []), root]);
      }
      peak = Math.max(peak, live);
      for (const root of dying.get(i) ?? []) {
        const mine = owned.get(root);
        if (!mine || mine.until > i) continue;
        live -= mine.bytes;
        owned.delete(root);
      }
    }
    return peak;
  }

  /**
   * The additional bytes that the branches or the body of a node need: a body's results are kept, then concatenated.
   */
  #inside(node: NodeIR, live: number): number {
    const graphs = Object.values(node.attributes).filter(
      (value): value is GraphIR => typeof value === 'object' && 'nodes' in value,
    );
    const outputs = node.outputs.reduce((sum, output) => sum + this.#bytes(output), 0);
    const collected = node.type === 'Loop' || node.type === 'Scan' ? outputs : 0;
    return graphs.reduce(
      (most, graph) => Math.max(most, this.run(graph, live + collected)),
      live + collected,
    );
  }

  /** The memory that an output reuses, if any. */
  #reused(
    { type, inputs, attributes }: NodeIR,
    output: string,
    {
      owner,
      owned,
      at,
    }: { owner: Map<string, string>; owned: Map<string, { bytes: number; until: number }>; at: number },
  ): string | undefined {
    if (Object.values(attributes).some((value) => typeof value === 'object' && 'nodes' in value))
      return undefined;
    const candidates = inputs.flatMap((input) => owner.get(input) ?? []);
    if (aliasing.has(type)) return owned.has(candidates[0] ?? '') ? candidates[0] : undefined;
    if (!inPlace.has(type)) return undefined;
    const bytes = this.#bytes(output);
    return candidates.slice(0, type === 'ScatterND' ? 1 : 2).find((root) => {
      const mine = owned.get(root);
      return mine && mine.bytes === bytes && mine.until <= at;
    });
  }

  #bytes(name: string): number {
    const value = this.#values.get(name);
    if (!value?.shape) return 0;
    const bytes = value.shape.reduce<number>(
      (product, dim) => product * this.#count(dim),
      bytesOf[value.dtype] ?? 1,
    );
    return this.#taken(bytes);
  }

  #count(dim: number | string): number {
    if (typeof dim === 'number') return dim;
    if (dim.includes('+')) return dim.split('+').reduce((sum, part) => sum + this.#count(part), 0);
    if (dim.includes('*')) return dim.split('*').reduce((product, part) => product * this.#count(part), 1);
    return /^\d+$/.test(dim) ? Number(dim) : this.#size(dim);
  }
}

/** Depth first from the last output to the first; of several inputs the one that was created last comes first. */
function executionOrder({ nodes }: GraphIR): NodeIR[] {
  const makers = new Map(nodes.flatMap((node, i) => node.outputs.map((output) => [output, i] as const)));
  const read = new Set(nodes.flatMap((node) => [...namesRead(node)]));
  const order: NodeIR[] = [];
  const state = new Uint8Array(nodes.length);
  const leaves = nodes.flatMap((node, i) => (node.outputs.some((output) => read.has(output)) ? [] : [i]));
  const stack = leaves.map((node) => ({ node, leaving: false }));
  while (stack.length > 0) {
    const { node, leaving } = stack.pop()!;
    if (leaving) {
      order.push(nodes[node]!);
      continue;
    }
    if (state[node]) continue;
    state[node] = 1;
    stack.push({ node, leaving: true });
    const before = new Set([...namesRead(nodes[node]!)].flatMap((name) => makers.get(name) ?? []));
    for (const i of [...before].sort((a, b) => a - b)) if (!state[i]) stack.push({ node: i, leaving: false });
  }
  return order;
}

/** Names that a node reads, including outer names read by its branches or body. */
function* namesRead({ inputs, attributes }: NodeIR): Generator<string> {
  yield* inputs;
  for (const value of Object.values(attributes)) {
    if (typeof value !== 'object' || !('nodes' in value)) continue;
    for (const node of value.nodes) yield* namesRead(node);
    for (const { name } of value.outputs) yield name;
  }
}
