import { concat, type DeltaRuleInput, type GatedDeltaRule, type Linear, rows } from '@moepress/core';
import type { TensorNames } from '../architectures/manifest.js';
import type { DeltaRuleConfig } from '../config/delta-rule-config.js';
import type { BuildContext } from './build-context.js';
import { type NamedTensor, nameLinear, single } from './named-tensor.js';

type ChannelwiseInput = Extract<DeltaRuleInput, { layout: 'channelwise' }>;

/** A delta rule with a decay for each channel of a key. Throws what `TensorSource.take` throws. */
export function buildChannelwise(
  layer: number,
  { keyHeads, valueHeads, keyDim, valueDim, window }: DeltaRuleConfig,
  { config: { decoder }, tensors, manifest }: BuildContext,
): GatedDeltaRule {
  const { channelwise: names, query, key, value, output } = manifest.tensors;
  const { hiddenSize } = decoder;
  const at = { layer };
  const [keys, values] = [keyHeads * keyDim, valueHeads * valueDim];
  const linear = (stem: string, out: number, width = hiddenSize): Linear => ({
    weight: tensors.matrix(`${stem}.weight`, [out, width], at),
    bias: null,
  });
  const convolution = (name: string, width: number) => tensors.take(name, [width, 1, window], at);
  return {
    kind: 'gated-delta-rule',
    ...{ keyHeads, valueHeads, keyDim, valueDim },
    input: {
      layout: 'channelwise',
      q: linear(query, keys),
      k: linear(key, keys),
      v: linear(value, values),
      b: linear(names.b, valueHeads),
      zDown: linear(names.zDown, valueDim),
      zUp: linear(names.zUp, values, valueDim),
      aDown: linear(names.aDown, keyDim),
      aUp: linear(names.aUp, keys, keyDim),
    },
    convolution: concat(
      [
        convolution(names.qConvolution, keys),
        convolution(names.kConvolution, keys),
        convolution(names.vConvolution, values),
      ],
      0,
    ),
    decay: tensors.take(names.decay, [1, 1, valueHeads, 1], at),
    decayBias: tensors.take(names.decayBias, [keys], at),
    norm: tensors.take(names.norm, [valueDim], at),
    o: linear(output, hiddenSize, values),
  };
}

/** What `buildChannelwise` takes, under the names it takes it by. */
export function nameChannelwise(
  spec: GatedDeltaRule & { readonly input: ChannelwiseInput },
  { channelwise: names, query, key, value, output }: TensorNames,
  layer: number,
): NamedTensor[] {
  const { input, decay, decayBias, norm, o } = spec;
  const at = { layer };
  const convolutions = [names.qConvolution, names.kConvolution, names.vConvolution];
  return [
    ...nameLinear(query, input.q, at),
    ...nameLinear(key, input.k, at),
    ...nameLinear(value, input.v, at),
    ...convolutionsOf(spec).map((weight, i) => single(convolutions[i]!, weight, at)),
    ...(['b', 'zDown', 'zUp', 'aDown', 'aUp'] as const).flatMap((part) =>
      nameLinear(names[part], input[part], at),
    ),
    single(names.decay, decay, at),
    single(names.decayBias, decayBias, at),
    single(names.norm, norm, at),
    ...nameLinear(output, o, at),
  ];
}

/** Those of queries, keys and values. */
function convolutionsOf({ convolution, keyHeads, keyDim, valueHeads, valueDim }: GatedDeltaRule) {
  if (convolution.kind === 'concat' && convolution.of.length === 3) return convolution.of;
  const [keys, values] = [keyHeads * keyDim, valueHeads * valueDim];
  const from = (start: number, count: number) =>
    rows(
      convolution,
      Array.from({ length: count }, (_, i) => start + i),
    );
  return [from(0, keys), from(keys, keys), from(2 * keys, values)];
}
