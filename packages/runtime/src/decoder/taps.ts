import type { AttentionTaps, LayerGradients, LayerTaps, MlpGradients, MlpTaps, Value } from '@moepress/core';
import { differentiate, mul, type Seed } from '@moepress/graph';
import type { ExpertValues, FfnValues } from './ffn.js';
import type { MlpValues } from './mlp.js';

/** The values of a block that statistics may read. */
export interface BlockTaps {
  /** Null without experts. */
  readonly layer: LayerTaps | null;
  /** Null without an MLP that all tokens go through. */
  readonly mlp: MlpTaps | null;
  /** Null without attention, and where the graph begins behind it. */
  readonly attention: AttentionTaps | null;
}

/** Gradients of everything tapped, and of `input`, the block's own hidden states. */
export interface BlockGradients {
  readonly input: Value;
  readonly layer: LayerGradients | null;
  readonly mlp: MlpGradients | null;
}

/** `residual`: the hidden states that the FFN's output is added to, null where they are not kept. */
export function blockTaps(
  layer: number,
  { residual, ffnInput }: { readonly residual: Value | null; readonly ffnInput: Value },
  { routed, mlp, outputGate, output }: FfnValues,
  gradients: BlockGradients | null = null,
): BlockTaps {
  return {
    layer: routed && {
      layer,
      residual,
      ffnInput,
      routerLogits: routed.routing.logits,
      probabilities: routed.routing.probabilities,
      selected: routed.routing.selected,
      weights: routed.routing.weights,
      experts: routed.experts,
      routedOutput: routed.output,
      ffnOutput: output,
      gradients: gradients?.layer ?? null,
    },
    mlp: mlp && { layer, ...mlp, outputGate, gradients: gradients?.mlp ?? null },
    attention: null,
  };
}

export function blockGradients(
  seed: Seed,
  input: Value,
  ffnInput: Value,
  { routed, mlp, output }: FfnValues,
): BlockGradients {
  const routing = routed ? [routed.routing.logits, routed.routing.weight] : [];
  const experts = routed?.experts ?? [];
  const wrt = [
    ...[input, ffnInput, output, ...routing],
    ...experts.flatMap((expert) => [...differentiated(expert), expert.weighted]),
    ...(mlp ? [...differentiated(mlp), mlp.output] : []),
  ];
  const gradients = differentiate(input.graph, [seed], wrt);
  const of = (value: Value) => gradients.get(value)!;
  const ofMlp = (
    { gateProduct, upProduct, activation, gate, up, down }: MlpValues,
    output: Value,
  ): MlpGradients => ({
    gateProduct: gateProduct && of(gateProduct),
    upProduct: of(upProduct),
    activation: of(activation),
    output,
    gate: gate && of(gate),
    up: of(up),
    down: of(down),
  });
  const ofExpert = (expert: ExpertValues) =>
    ofMlp(expert, expert.outputWeight ? mul(of(expert.weighted), expert.outputWeight) : of(expert.weighted));
  return {
    input: of(input),
    layer: routed && {
      ffnInput: of(ffnInput),
      routerLogits: of(routed.routing.logits),
      routerWeight: of(routed.routing.weight),
      ffnOutput: of(output),
      experts: experts.map(ofExpert),
    },
    mlp: mlp && ofMlp(mlp, of(mlp.output)),
  };
}

const differentiated = ({ gate, up, down, gateProduct, upProduct, activation }: MlpValues): Value[] =>
  [gate, up, down, gateProduct, upProduct, activation].filter((value) => value !== null);
