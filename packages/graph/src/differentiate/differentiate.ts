import type { Graph, Value } from '@moepress/core';
import { builderOf, type GraphBuilder } from '../ir/builder.js';
import type { NodeIR } from '../ir/graph-ir.js';
import { add } from '../ops/math.js';
import { zerosLike } from '../ops/shape.js';
import { elementwise } from './elementwise.js';
import { foldProduct } from './folding.js';
import { indexing } from './indexing.js';
import { products } from './products.js';
import { reshaping } from './reshaping.js';
import type { Seed, SparseGradient, Vjp } from './vjp.js';

/** Vector-Jacobian products by ONNX operator: the operators that `differentiate` knows. */
const vectorJacobianProducts: Readonly<Record<string, Vjp>> = {
  ...elementwise,
  ...products,
  ...reshaping,
  ...indexing,
};

/**
 * Reverse-mode differentiation while the graph is built: appends the nodes that compute the
 * gradients, and yields them by value. `wrt` may name inputs, weights and anything in between; what
 * no seed depends on has no gradient. Weights are converted to fp32 anew where a derivative needs them, unless
 * `keepsWeights`: then they stay in memory from the way forward. Where a gradient is not used, `finish()` leaves its nodes out.
 * Throws a RangeError for an operator without a derivative on the way.
 */
export function differentiate(
  of: Graph,
  seeds: readonly Seed[],
  wrt: readonly Value[],
  { keepsWeights = false } = {},
): ReadonlyMap<Value, Value> {
  const graph = builderOf(of);
  const nodes = [...graph.nodes];
  const onTheWay = dependents(graph, nodes, wrt);
  const gradients = new Map<string, Value>();
  const accumulate = (value: Value, gradient: Value | SparseGradient) => {
    const sum = gradients.get(value.name);
    if ('addTo' in gradient) gradients.set(value.name, gradient.addTo(sum ?? zerosLike(value)));
    else gradients.set(value.name, sum ? add(sum, gradient) : gradient);
  };
  for (const { value, gradient } of seeds) accumulate(value, gradient);
  graph.scoped('backward', () => {
    const again = keepsWeights ? (value: Value) => value : weightsAgain(graph, nodes);
    for (const node of nodes.toReversed()) {
      const incoming = node.outputs.map((name) => gradients.get(name) ?? null);
      if (incoming.every((gradient) => gradient === null)) continue;
      if (!node.outputs.some((name) => onTheWay.has(name))) continue;
      const wanted = node.inputs.map((name) => onTheWay.has(name));
      // What is asked for begins here, such as a weight of zeros.
      if (!wanted.includes(true)) continue;
      const inputs = node.inputs.map((name) => (name === '' ? null : graph.value(name)));
      const outputs = node.outputs.map((name) => graph.value(name));
      const used = inputs.map((input) => input && again(input));
      const product = productOf(graph, node)({ node, inputs: used, outputs, gradients: incoming, wanted });
      for (const [i, gradient] of product.entries()) {
        if (gradient && wanted[i]) accumulate(inputs[i]!, gradient);
      }
    }
  });
  return new Map(
    wrt.flatMap((value): [Value, Value][] => {
      const gradient = gradients.get(value.name);
      return gradient ? [[value, gradient]] : [];
    }),
  );
}

/**
 * What comes from weights alone, their conversion to fp32, is computed anew for the derivative that
 * needs it. Kept from the way forward, all experts of a layer would stand in memory as fp32 at once.
 */
function weightsAgain(graph: GraphBuilder, nodes: readonly NodeIR[]): (value: Value) => Value {
  const producers = new Map<string, NodeIR>();
  const isWeight = (name: string) => name === '' || producers.has(name) || graph.isInitializer(name);
  for (const node of nodes) {
    if (!node.inputs.every(isWeight)) continue;
    for (const output of node.outputs) producers.set(output, node);
  }
  const again = (value: Value): Value => {
    const node = producers.get(value.name);
    if (!node) return value;
    const inputs = node.inputs.map((name) => (name === '' ? null : again(graph.value(name))));
    return graph.again(node, inputs)[node.outputs.indexOf(value.name)]!;
  };
  return again;
}

function productOf(graph: GraphBuilder, node: NodeIR) {
  if (node.type === 'Scan') return foldProduct((seeds, wrt) => differentiate(graph, seeds, wrt));
  const product = vectorJacobianProducts[node.type];
  if (!product) throw new RangeError(`${node.type} (${node.name}) has no derivative.`);
  return product;
}

/** Names of all values that move with one of `roots`, these included: integers and truth values do not. */
function dependents(
  graph: GraphBuilder,
  nodes: readonly NodeIR[],
  roots: readonly Value[],
): ReadonlySet<string> {
  const names = new Set(roots.map(({ name }) => name));
  for (const node of nodes) {
    if (!node.inputs.some((input) => names.has(input))) continue;
    for (const output of node.outputs) if (graph.value(output).dtype.startsWith('float')) names.add(output);
  }
  return names;
}
