import type { LayerGradients, LayerTaps, MlpGradients, MlpTaps, Value } from '@moepress/core';
import { differentiate, type GraphBuilder, type Seed } from '@moepress/graph';
import type { FfnValues } from './ffn.js';
import type { MlpValues } from './mlp.js';

/** What statistics may look at in a block. */
export interface BlockTaps {
  /** Null without experts. */
  readonly layer: LayerTaps | null;
  /** Null without an MLP that all tokens go through. */
  readonly mlp: MlpTaps | null;
}

/** Gradients of everything tapped, and of `input`, the block's own hidden states. */
export interface BlockGradients {
  readonly input: Value;
  readonly layer: LayerGradients | null;
  readonly mlp: MlpGradients | null;
}

export function blockTaps(
  layer: number,
  ffnInput: Value,
  { routed, mlp, outputGate, output }: FfnValues,
  gradients: BlockGradients | null = null,
): BlockTaps {
  return {
    layer: routed && {
      layer,
      ffnInput,
      routerLogits: routed.routing.logits,
      probabilities: routed.routing.probabilities,
      selected: routed.routing.selected,
      weights: routed.routing.weights,
      experts: routed.experts,
      ffnOutput: output,
      gradients: gradients?.layer ?? null,
    },
    mlp: mlp && { layer, ...mlp, outputGate, gradients: gradients?.mlp ?? null },
  };
}

export function blockGradients(
  seed: Seed,
  input: Value,
  ffnInput: Value,
  { routed, mlp, output }: FfnValues,
): BlockGradients {
  const routing = routed ? [routed.routing.logits, routed.routing.weight] : [];
  const mlps = [...(routed?.experts ?? []), ...(mlp ? [mlp] : [])].flatMap(differentiated);
  const wrt = [input, ffnInput, output, ...routing, ...mlps];
  const gradients = differentiate(input.graph as GraphBuilder, [seed], wrt);
  const of = (value: Value) => gradients.get(value)!;
  const ofMlp = ({
    gateProduct,
    upProduct,
    activation,
    output,
    gate,
    up,
    down,
  }: MlpValues): MlpGradients => ({
    gateProduct: of(gateProduct),
    upProduct: of(upProduct),
    activation: of(activation),
    output: of(output),
    gate: of(gate),
    up: of(up),
    down: of(down),
  });
  return {
    input: of(input),
    layer: routed && {
      ffnInput: of(ffnInput),
      routerLogits: of(routed.routing.logits),
      routerWeight: of(routed.routing.weight),
      ffnOutput: of(output),
      experts: routed.experts.map(ofMlp),
    },
    mlp: mlp && ofMlp(mlp),
  };
}

const differentiated = ({ input, ...values }: MlpValues): Value[] => Object.values(values);
