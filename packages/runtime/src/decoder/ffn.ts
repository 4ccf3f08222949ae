import type { MoeFfn, SharedExpert, Value } from '@moepress/core';
import {
  add,
  addRows,
  type GraphBuilder,
  gather,
  greater,
  linear,
  mul,
  nonZero,
  reduceSum,
  sigmoid,
  unsqueeze,
  zeroRows,
} from '@moepress/graph';
import { type MlpValues, mlp } from './mlp.js';
import { type Routing, route } from './router.js';
import { weightFor } from './weights.js';

/** One expert on the n tokens routed to it. */
export interface ExpertValues extends MlpValues {
  /** int64 [n] */
  readonly tokens: Value;
  /** Routing weight of each, [n]. */
  readonly weight: Value;
}

/** An MoE FFN on x [T, H]. */
export interface MoeValues {
  readonly routing: Routing;
  /** [T, H] */
  readonly output: Value;
}

/**
 * Runs each expert on the tokens routed to it and adds the weighted outputs up. Experts without a
 * token are skipped: their weights are not even read.
 */
export function moeFfn(x: Value, ffn: MoeFfn): MoeValues {
  const graph = x.graph as GraphBuilder;
  const routing = route(x, ffn);
  let routed = zeroRows(x, Number(x.shape[1]));
  for (const [e, expert] of ffn.pool.entries()) {
    const sum = routed;
    const hits = routing.hits(e);
    const chosen = greater(reduceSum(hits, [0]), graph.constant([0], [], hits.dtype));
    const compute = () => [addWeighted(sum, onTokens(x, expert, routing, e, hits))];
    [routed] = graph.scoped(`expert.${e}`, () => graph.branch(chosen, compute, () => [sum])) as [Value];
  }
  return { routing, output: addShared(routed, x, ffn.shared) };
}

/** The same without the skipping, so that what every expert computes can be seen. */
export function openMoeFfn(x: Value, ffn: MoeFfn): MoeValues & { readonly experts: readonly ExpertValues[] } {
  const graph = x.graph as GraphBuilder;
  const routing = route(x, ffn);
  let routed = zeroRows(x, Number(x.shape[1]));
  const experts = ffn.pool.map((expert, e) => {
    const values = graph.scoped(`expert.${e}`, () => onTokens(x, expert, routing, e, routing.hits(e)));
    routed = addWeighted(routed, values);
    return values;
  });
  return { routing, experts, output: addShared(routed, x, ffn.shared) };
}

function onTokens(
  x: Value,
  expert: MoeFfn['pool'][number],
  routing: Routing,
  index: number,
  hits: Value,
): ExpertValues {
  const tokens = nonZero(hits, `n${index}`);
  return { tokens, weight: gather(routing.weightsOf(index), tokens), ...mlp(gather(x, tokens), expert) };
}

function addWeighted(sum: Value, { tokens, weight, output }: ExpertValues): Value {
  return addRows(sum, tokens, mul(output, unsqueeze(weight, 1)));
}

export function addShared(routed: Value, x: Value, shared: SharedExpert | null): Value {
  if (!shared) return routed;
  const { output } = (x.graph as GraphBuilder).scoped('shared', () => mlp(x, shared.mlp));
  if (!shared.gate) return add(routed, output);
  return add(routed, mul(output, sigmoid(linear(x, weightFor(x, shared.gate)))));
}
