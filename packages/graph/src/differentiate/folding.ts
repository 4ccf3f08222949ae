import type { Value } from '@moepress/core';
import { builderOf } from '../ir/builder.js';
import { zerosLike } from '../ops/shape.js';
import type { Seed, Vjp } from './vjp.js';

/** What differentiates the nodes of the body that is open. */
type Differentiate = (seeds: readonly Seed[], wrt: readonly Value[]) => ReadonlyMap<Value, Value>;

/**
 * The derivative of a fold goes through the parts backwards, with the gradients of the states. Each step computes the body
 * once more from the states before it, which another fold has kept.
 */
export const foldProduct =
  (differentiate: Differentiate): Vjp =>
  ({ node, inputs, outputs, gradients }) => {
    const graph = builderOf(outputs[0]!.graph);
    const body = graph.foldBody(outputs[0]!.name);
    const parts = Number(node.attributes.num_scan_inputs);
    const count = inputs.length - parts;
    const [initial, sources] = [inputs.slice(0, count) as Value[], inputs.slice(count) as Value[]];
    const kept = graph.scanWithStates(initial, sources, {
      body: (states, each) => ({ states: body(states, each).states, outputs: states }),
    });
    const stacked = gradients.slice(count).map((gradient, i) => ({ i, gradient }));
    const given = stacked.filter((one): one is { i: number; gradient: Value } => one.gradient !== null);
    const last = outputs.slice(0, count).map((state, i) => gradients[i] ?? zerosLike(state));
    const backwards = graph.scanWithStates(
      last,
      [...kept.outputs, ...sources, ...given.map(({ gradient }) => gradient)],
      {
        reversed: true,
        body(after, each) {
          const [before, own] = [each.slice(0, count), each.slice(count, count + parts)];
          const incoming = each.slice(count + parts);
          const made = body(before, own);
          const seeds = [
            ...made.states.map((value, i): Seed => ({ value, gradient: after[i]! })),
            ...given.map(({ i }, at): Seed => ({ value: made.outputs[i]!, gradient: incoming[at]! })),
          ];
          const found = differentiate(seeds, [...before, ...own]);
          const of = (value: Value) => found.get(value) ?? zerosLike(value);
          return { states: before.map(of), outputs: own.map(of) };
        },
      },
    );
    return [...backwards.states, ...backwards.outputs];
  };
