import type { DenseFfn, MoeFfn, SharedExpert, Value } from '@moepress/core';
import { add, addRows, gather, mul, nonZero, sigmoid, unsqueeze, zeroRows } from '@moepress/graph';
import { type MlpValues, mlp, scaledOutput } from './mlp.js';
import { type Routing, route } from './router/route.js';
import { product } from './weights.js';

/** One expert on the n tokens routed to it. */
export interface ExpertValues extends MlpValues {
  /** int64 [n] */
  readonly tokens: Value;
  /** Routing weight of each, [n]. */
  readonly weight: Value;
  /** The output times that weight, [n, H]. */
  readonly weighted: Value;
}

/**
 * What an expert's routing weight is multiplied with: what comes out is the same. With the activation its own
 * derivative needs no output of the expert, which leaves one product in three out of a pass that looks at
 * gradients alone; with the output one product serves those who look at that.
 */
export type RoutingWeightTarget = 'activation' | 'output';

/** The routed part of an MoE FFN on x [T, H]. */
export interface RoutedValues {
  readonly routing: Routing;
  /** One entry for each expert of the pool. */
  readonly experts: readonly ExpertValues[];
}

/** An FFN on x [T, H] with everything that can be seen of it. */
export interface FfnValues {
  /** Null for a dense FFN. */
  readonly routed: RoutedValues | null;
  /** The dense FFN without the shared expert, or the shared expert before its gate, or null without either. */
  readonly mlp: MlpValues | null;
  /** The gate of that shared expert, [T, 1]; null without one. */
  readonly outputGate: Value | null;
  /** [T, H] */
  readonly output: Value;
}

/**
 * Runs each expert on the tokens routed to it and adds the weighted outputs up. Experts without a
 * token are skipped: their weights are not even read.
 */
export function moeFfn(x: Value, ffn: MoeFfn): { readonly routing: Routing; readonly output: Value } {
  const { graph } = x;
  const routing = route(x, ffn);
  let routed = zeroRows(x, Number(x.shape[1]));
  for (const [e, expert] of ffn.pool.entries()) {
    const sum = routed;
    const compute = () => {
      const { tokens, weighted } = onTokens(x, expert, { routing, index: e, target: 'output' });
      return [addRows(sum, tokens, weighted)];
    };
    // Everything outside the branch is computed for all experts, of which few are selected when there are few tokens.
    [routed] = graph.scoped(`expert.${e}`, () => graph.branch(routing.isChosen(e), compute, () => [sum])) as [
      Value,
    ];
  }
  return { routing, output: withShared(routed, x, ffn.shared).output };
}

/** Any FFN, without the skipping, so that what every expert computes can be seen. */
export function openFfn(
  x: Value,
  ffn: DenseFfn | MoeFfn,
  weighted: RoutingWeightTarget = 'output',
): FfnValues {
  if (ffn.kind === 'dense') {
    const values = mlp(x, ffn.mlp);
    const { output } = withShared(values.output, x, ffn.shared);
    return { routed: null, mlp: values, outputGate: null, output };
  }
  const { graph } = x;
  const routing = route(x, ffn);
  let sum = zeroRows(x, Number(x.shape[1]));
  const experts = ffn.pool.map((expert, e) => {
    const values = graph.scoped(`expert.${e}`, () =>
      onTokens(x, expert, { routing, index: e, target: weighted }),
    );
    sum = addRows(sum, values.tokens, values.weighted);
    return values;
  });
  return { routed: { routing, experts }, ...withShared(sum, x, ffn.shared) };
}

function onTokens(
  x: Value,
  expert: MoeFfn['pool'][number],
  {
    routing,
    index,
    target,
  }: { readonly routing: Routing; readonly index: number; readonly target: RoutingWeightTarget },
): ExpertValues {
  const tokens = nonZero(routing.hits(index), `n${index}`);
  const weight = gather(routing.weightsOf(index), tokens);
  const values = mlp(gather(x, tokens), expert);
  const factor = unsqueeze(weight, 1);
  const weighted = target === 'output' ? mul(values.output, factor) : scaledOutput(values, expert, factor);
  return { tokens, weight, weighted, ...values };
}

/** Adds the output of the shared expert, if there is one, to that of the rest of the FFN. */
export function withShared(
  sum: Value,
  x: Value,
  shared: SharedExpert | null,
): Pick<FfnValues, 'mlp' | 'outputGate' | 'output'> {
  if (!shared) return { mlp: null, outputGate: null, output: sum };
  const values = x.graph.scoped('shared', () => mlp(x, shared.mlp));
  if (!shared.gate) return { mlp: values, outputGate: null, output: add(sum, values.output) };
  const outputGate = sigmoid(product(x, shared.gate));
  return { mlp: values, outputGate, output: add(sum, mul(values.output, outputGate)) };
}
