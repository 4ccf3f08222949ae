import type { DenseFfn, ExpertTaps, LayerTaps, Mlp, MoeFfn, SharedExpert, Value } from '@moepress/core';
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
  silu,
  unsqueeze,
  weight,
  zeroRows,
} from '@moepress/graph';
import { type Routing, route } from './router.js';

/** The gated MLP on x [n, H]: its activation [n, I] and its output [n, H]. */
function mlp(graph: GraphBuilder, x: Value, spec: Mlp): { activation: Value; output: Value } {
  const gate = linear(x, weight(graph, spec.gate));
  const activation = mul(silu(gate), linear(x, weight(graph, spec.up)));
  return { activation, output: linear(activation, weight(graph, spec.down)) };
}

export function denseFfn(graph: GraphBuilder, x: Value, ffn: DenseFfn): Value {
  return mlp(graph, x, ffn.mlp).output;
}

/**
 * Runs each expert on the tokens routed to it and adds the weighted outputs up. Experts without a
 * token are skipped: their weights are not even read.
 */
export function moeFfn(graph: GraphBuilder, x: Value, ffn: MoeFfn): { output: Value; routing: Routing } {
  const routing = route(graph, x, ffn);
  const width = Number(x.shape[1]);
  const routed = ffn.pool.reduce(
    (sum, expert, e) => {
      const hits = routing.hits(e);
      const chosen = greater(reduceSum(hits, [0]), graph.constant([0], [], 'float32'));
      const compute = () => [accumulate(sum, expertOn(graph, x, expert, routing, e, hits))];
      return graph.scoped(`expert.${e}`, () => graph.branch(chosen, compute, () => [sum]))[0]!;
    },
    zeroRows(x, width),
  );
  return { output: addShared(graph, routed, x, ffn.shared), routing };
}

/** The same without the skipping, so that what every expert computes can be tapped. */
export function tappedMoeFfn(
  graph: GraphBuilder,
  x: Value,
  ffn: MoeFfn,
  layer: number,
): { output: Value; routing: Routing; taps: LayerTaps } {
  const routing = route(graph, x, ffn);
  let routed = zeroRows(x, Number(x.shape[1]));
  const experts = ffn.pool.map((expert, e) => {
    const taps = graph.scoped(`expert.${e}`, () => expertOn(graph, x, expert, routing, e, routing.hits(e)));
    routed = accumulate(routed, taps);
    return taps;
  });
  const output = addShared(graph, routed, x, ffn.shared);
  const { logits, probabilities, selected, weights } = routing;
  const taps = {
    layer,
    ffnInput: x,
    routerLogits: logits,
    probabilities,
    selected,
    weights,
    experts,
    ffnOutput: output,
  };
  return { output, routing, taps };
}

function expertOn(
  graph: GraphBuilder,
  x: Value,
  expert: Mlp,
  routing: Routing,
  index: number,
  hits: Value,
): ExpertTaps {
  const tokens = nonZero(hits, `n${index}`);
  const { activation, output } = mlp(graph, gather(x, tokens), expert);
  return { tokens, weight: gather(routing.weightsOf(index), tokens), activation, output };
}

function accumulate(sum: Value, { tokens, weight: routingWeight, output }: ExpertTaps): Value {
  return addRows(sum, tokens, mul(output, unsqueeze(routingWeight, 1)));
}

function addShared(graph: GraphBuilder, routed: Value, x: Value, shared: SharedExpert | null): Value {
  if (!shared) return routed;
  const { output } = graph.scoped('shared', () => mlp(graph, x, shared.mlp));
  if (!shared.gate) return add(routed, output);
  return add(routed, mul(output, sigmoid(linear(x, weight(graph, shared.gate)))));
}
