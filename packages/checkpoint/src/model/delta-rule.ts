import type { DeltaRuleInput, GatedDeltaRule, Linear } from '@moepress/core';
import type { DeltaRuleNames } from '../architectures/manifest.js';
import type { DeltaRuleConfig } from '../config/delta-rule-config.js';
import type { BuildContext } from './build-context.js';
import { buildChannelwise } from './channelwise.js';
import { type NamedTensor, nameLinear, single } from './named-tensor.js';

/** Throws what `TensorSource.take` throws. */
export function buildDeltaRule(
  layer: number,
  config: DeltaRuleConfig,
  context: BuildContext,
): GatedDeltaRule {
  if (config.input === 'channelwise') return buildChannelwise(layer, config, context);
  const {
    config: { decoder },
    tensors,
    manifest,
  } = context;
  const names = manifest.tensors.deltaRule;
  const { keyHeads, valueHeads, keyDim, valueDim, window } = config;
  const { hiddenSize } = decoder;
  const at = { layer };
  const linear = (stem: string, out: number, width = hiddenSize): Linear => ({
    weight: tensors.matrix(`${stem}.weight`, [out, width], at),
    bias: null,
  });
  const values = valueHeads * valueDim;
  const channels = 2 * keyHeads * keyDim + values;
  const input: StackedInput =
    config.input === 'grouped'
      ? {
          layout: 'grouped',
          qkvz: linear(names.qkvz, channels + values),
          ba: linear(names.ba, 2 * valueHeads),
        }
      : {
          layout: 'separate',
          qkv: linear(names.qkv, channels),
          z: linear(names.z, values),
          b: linear(names.b, valueHeads),
          a: linear(names.a, valueHeads),
        };
  return {
    kind: 'gated-delta-rule',
    ...{ keyHeads, valueHeads, keyDim, valueDim, input },
    convolution: tensors.take(names.convolution, [channels, 1, window], at),
    decay: tensors.take(names.decay, [valueHeads], at),
    decayBias: tensors.take(names.decayBias, [valueHeads], at),
    norm: tensors.take(names.norm, [valueDim], at),
    o: linear(names.output, hiddenSize, values),
  };
}

type StackedInput = Exclude<DeltaRuleInput, { layout: 'channelwise' }>;

/** What `buildDeltaRule` takes, under the names it takes it by. */
export function nameDeltaRule(
  { input, convolution, decay, decayBias, norm, o }: GatedDeltaRule & { readonly input: StackedInput },
  names: DeltaRuleNames,
  layer: number,
): NamedTensor[] {
  const at = { layer };
  const projections =
    input.layout === 'grouped'
      ? [...nameLinear(names.qkvz, input.qkvz, at), ...nameLinear(names.ba, input.ba, at)]
      : (['qkv', 'z', 'b', 'a'] as const).flatMap((part) => nameLinear(names[part], input[part], at));
  return [
    ...projections,
    single(names.convolution, convolution, at),
    single(names.decay, decay, at),
    single(names.decayBias, decayBias, at),
    single(names.norm, norm, at),
    ...nameLinear(names.output, o, at),
  ];
}
