import type { Value } from '@moepress/core';
import type { GraphBuilder } from '../builder.js';
import type { NodeIR } from '../ir.js';
import { add } from '../ops/math.js';
import { vectorJacobianProducts } from './vjp.js';

/** A value and the gradient of the loss with respect to it. */
export interface Seed {
  readonly value: Value;
  readonly gradient: Value;
}

/**
 * Reverse-mode differentiation while the graph is built: appends the nodes that compute the
 * gradients, and yields them by value. `wrt` may name inputs, weights and anything in between; what
 * no seed depends on has no gradient. Where a gradient is not used, `finish()` leaves its nodes out.
 * Throws a RangeError for an operator without a derivative on the way.
 */
export function differentiate(
  graph: GraphBuilder,
  seeds: readonly Seed[],
  wrt: readonly Value[],
): ReadonlyMap<Value, Value> {
  const nodes = [...graph.nodes];
  const onTheWay = dependents(graph, nodes, wrt);
  const gradients = new Map<string, Value>();
  const accumulate = ({ name }: Value, gradient: Value) => {
    const sum = gradients.get(name);
    gradients.set(name, sum ? add(sum, gradient) : gradient);
  };
  for (const { value, gradient } of seeds) accumulate(value, gradient);
  graph.scoped('backward', () => {
    for (const node of nodes.toReversed()) {
      const incoming = node.outputs.map((name) => gradients.get(name) ?? null);
      if (incoming.every((gradient) => gradient === null)) continue;
      if (!node.outputs.some((name) => onTheWay.has(name))) continue;
      const inputs = node.inputs.map((name) => (name === '' ? null : graph.value(name)));
      const wanted = node.inputs.map((name) => onTheWay.has(name));
      const outputs = node.outputs.map((name) => graph.value(name));
      const product = productOf(node)({ node, inputs, outputs, gradients: incoming, wanted });
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

function productOf(node: NodeIR) {
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
