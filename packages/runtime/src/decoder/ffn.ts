import type { Block, DenseFfn, FfnPartNorms, Model, MoeFfn, SharedExpert, Value } from '@moepress/core';
import {
  add,
  addRows,
  gather,
  mul,
  nonZero,
  sigmoid,
  timesNumber,
  unsqueeze,
  zeroRows,
} from '@moepress/graph';
import { project } from './attention/projections.js';
import { type MlpValues, mlp, scaledOutput } from './mlp.js';
import { type NormOptions, normed } from './norm.js';
import { type Routing, route } from './router/route.js';
import { product, weightFor } from './weights.js';

/** One expert on the n tokens routed to it. */
export interface ExpertValues extends MlpValues {
  /** int64 [n] */
  readonly tokens: Value;
  /** Routing weight of each, [n]. */
  readonly weight: Value;
  /** What the expert adds to the FFN's output, [n, H]: its output times that weight, unless its input was. */
  readonly weighted: Value;
  /** What its output was multiplied by to that end, [n, 1]; null: nothing. */
  readonly outputWeight: Value | null;
}

/**
 * What an expert's routing weight is multiplied with: what comes out is the same. With the activation its own
 * derivative needs no output of the expert, which leaves one product in three out of a pass that looks at
 * gradients alone; with the output one product serves those who look at that. A router that weighs what goes into
 * experts leaves no choice.
 */
export type RoutingWeightTarget = 'input' | 'activation' | 'output';

/** The routed part of an MoE FFN on x [T, H]. */
export interface RoutedValues {
  readonly routing: Routing;
  /** One entry for each expert of the pool. */
  readonly experts: readonly ExpertValues[];
  /** The weighted sum of what they yield, [T, H]. */
  readonly output: Value;
}

/** RMS norms of the parts of an FFN whose input has none but its root mean square; see `FfnPartNorms`. */
export interface FfnParts {
  readonly norms: FfnPartNorms;
  readonly options: NormOptions;
}

export const partsOf = ({ norms }: Block, { config }: Pick<Model, 'config'>): FfnParts | null =>
  norms.parts ? { norms: norms.parts, options: config } : null;

type PartName = keyof FfnPartNorms;

/** What a part of an FFN sees of its input. */
const partInput = (x: Value, part: PartName, parts: FfnParts | null): Value =>
  parts ? mul(x, weightFor(x, parts.norms[part].before)) : x;

const partOutput = (y: Value, part: PartName, parts: FfnParts | null): Value =>
  parts ? normed(y, parts.norms[part].after, parts.options) : y;

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
export function moeFfn(
  x: Value,
  ffn: MoeFfn,
  parts: FfnParts | null,
): { readonly routing: Routing; readonly output: Value } {
  const routing = route(x, ffn);
  const routed = sumOfExperts(x, ffn, { parts, routing, members: [...ffn.pool.keys()] });
  return { routing, output: withShared(backFromExperts(routed, ffn), x, ffn.shared, parts).output };
}

/** What some experts of the pool make of their tokens of x [T, H], weighted and added up, in the experts' own space. */
export function sumOfExperts(
  x: Value,
  ffn: MoeFfn,
  {
    parts,
    routing,
    members,
  }: { readonly parts: FfnParts | null; readonly routing: Routing; readonly members: readonly number[] },
): Value {
  const { graph } = x;
  const seen = seenByExperts(x, ffn, parts);
  let routed = zeroRows(x, Number(seen.shape[1]));
  for (const e of members) {
    const sum = routed;
    const compute = () => {
      const options = { routing, index: e, target: targetOf(ffn, 'output') };
      const { tokens, weighted } = onTokens(seen, ffn.pool[e]!, options);
      return [addRows(sum, tokens, weighted)];
    };
    // Everything outside the branch is computed for all experts, of which few are selected when there are few tokens.
    [routed] = graph.scoped(`expert.${e}`, () => graph.branch(routing.isChosen(e), compute, () => [sum])) as [
      Value,
    ];
  }
  return routed;
}

/** Any FFN, without the skipping, so that what every expert computes can be seen. */
export function openFfn(
  x: Value,
  ffn: DenseFfn | MoeFfn,
  {
    weighted = 'output',
    parts,
  }: { readonly weighted?: 'activation' | 'output'; readonly parts: FfnParts | null },
): FfnValues {
  if (ffn.kind === 'dense') {
    const values = mlp(x, ffn.mlp);
    const { output } = withShared(values.output, x, ffn.shared, null);
    return { routed: null, mlp: values, outputGate: null, output };
  }
  const { graph } = x;
  const routing = route(x, ffn);
  const seen = seenByExperts(x, ffn, parts);
  const target = targetOf(ffn, weighted);
  let sum = zeroRows(x, Number(seen.shape[1]));
  const experts = ffn.pool.map((expert, e) => {
    const values = graph.scoped(`expert.${e}`, () => onTokens(seen, expert, { routing, index: e, target }));
    sum = addRows(sum, values.tokens, values.weighted);
    return values;
  });
  const output = backFromExperts(sum, ffn);
  return { routed: { routing, experts, output }, ...withShared(output, x, ffn.shared, parts) };
}

/** What experts see of x [T, H]: x itself, or its projection to their own space. */
export function seenByExperts(x: Value, { latent }: MoeFfn, parts: FfnParts | null): Value {
  const seen = partInput(x, 'experts', parts);
  return latent ? project(seen, latent.down) : seen;
}

/** The weighted sum of what experts yield, back from their own space, [T, H]. */
export const backFromExperts = (sum: Value, { latent }: MoeFfn): Value =>
  latent ? project(sum, latent.up) : sum;

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
  const factor = unsqueeze(weight, 1);
  const own = gather(x, tokens);
  if (target === 'input') {
    const values = mlp(mul(own, factor), expert);
    return { tokens, weight, weighted: values.output, outputWeight: null, ...values };
  }
  const values = mlp(own, expert);
  const weighted = target === 'output' ? mul(values.output, factor) : scaledOutput(values, expert, factor);
  return { tokens, weight, weighted, outputWeight: factor, ...values };
}

const targetOf = ({ router }: MoeFfn, otherwise: 'activation' | 'output'): RoutingWeightTarget =>
  router.weighs ?? otherwise;

/** Adds the output of the shared expert, if there is one, to that of the rest of the FFN. */
export function withShared(
  sum: Value,
  x: Value,
  shared: SharedExpert | null,
  parts: FfnParts | null,
): Pick<FfnValues, 'mlp' | 'outputGate' | 'output'> {
  const routed = partOutput(sum, 'experts', parts);
  if (!shared) return { mlp: null, outputGate: null, output: routed };
  const values = x.graph.scoped('shared', () => mlp(partInput(x, 'shared', parts), shared.mlp));
  const outputGate = shared.gate && sigmoid(product(x, shared.gate));
  const gated = outputGate ? mul(values.output, outputGate) : values.output;
  const both = add(routed, partOutput(gated, 'shared', parts));
  return { mlp: values, outputGate, output: shared.averaged ? timesNumber(both, 0.5) : both };
}
