import type { LayerGradients, LayerTaps, Value } from '@moepress/core';
import { differentiate, type GraphBuilder, type Seed } from '@moepress/graph';
import type { ExpertValues, MoeValues } from './ffn.js';

/** What statistics may look at in a block. */
export function layerTaps(
  layer: number,
  ffnInput: Value,
  ffn: MoeValues & { readonly experts: readonly ExpertValues[] },
  gradients: LayerGradients | null = null,
): LayerTaps {
  const { logits, probabilities, selected, weights } = ffn.routing;
  return {
    layer,
    ffnInput,
    routerLogits: logits,
    probabilities,
    selected,
    weights,
    experts: ffn.experts,
    ffnOutput: ffn.output,
    gradients,
  };
}

/** Gradients of everything tapped, and of `input`, the block's own hidden states. */
export function layerGradients(
  seed: Seed,
  input: Value,
  ffnInput: Value,
  ffn: MoeValues & { readonly experts: readonly ExpertValues[] },
): { readonly input: Value; readonly layer: LayerGradients } {
  const ofExpert = ({ activation, output, gate, up, down }: ExpertValues) => ({
    activation,
    output,
    gate,
    up,
    down,
  });
  const { logits, weight } = ffn.routing;
  const wrt = [
    input,
    ffnInput,
    logits,
    weight,
    ffn.output,
    ...ffn.experts.flatMap((e) => Object.values(ofExpert(e))),
  ];
  const gradients = differentiate(input.graph as GraphBuilder, [seed], wrt);
  const of = (value: Value) => gradients.get(value)!;
  return {
    input: of(input),
    layer: {
      ffnInput: of(ffnInput),
      routerLogits: of(logits),
      routerWeight: of(weight),
      ffnOutput: of(ffn.output),
      experts: ffn.experts.map((expert) => {
        const { activation, output, gate, up, down } = ofExpert(expert);
        return { activation: of(activation), output: of(output), gate: of(gate), up: of(up), down: of(down) };
      }),
    },
  };
}
