import type { Linear, StateSpace } from '@moepress/core';
import type { StateSpaceNames } from '../architectures/manifest.js';
import type { StateSpaceConfig } from '../config/state-space-config.js';
import type { BuildContext } from './build-context.js';
import { type NamedTensor, nameLinear, single } from './named-tensor.js';

/** Throws what `TensorSource.take` throws. */
export function buildStateSpace(
  layer: number,
  config: StateSpaceConfig,
  { config: { decoder }, tensors, manifest }: BuildContext,
): StateSpace {
  const names = manifest.tensors.stateSpace;
  const { kind, heads, headDim, groups, stateDim, window, activation, least, most } = config;
  const at = { layer };
  const biasOf = (stem: string, out: number, biased: boolean) =>
    biased ? tensors.take(`${stem}.bias`, [out], at) : null;
  const linear = (stem: string, [out, into]: readonly [number, number]): Linear => ({
    weight: tensors.matrix(`${stem}.weight`, [out, into], at),
    bias: biasOf(stem, out, config.projectionBias),
  });
  const width = heads * headDim;
  const channels = width + 2 * groups * stateDim;
  return {
    ...{ kind, heads, headDim, groups, stateDim },
    input: linear(names.input, [width + channels + heads, decoder.hiddenSize]),
    convolution: {
      weight: tensors.take(`${names.convolution}.weight`, [channels, 1, window], at),
      bias: biasOf(names.convolution, channels, config.convolutionBias),
    },
    activation,
    step: { bias: tensors.take(names.stepBias, [heads], at), least, most },
    decay: tensors.take(names.decay, [heads], at),
    skip: tensors.take(names.skip, [heads], at),
    norm: { weight: tensors.take(names.norm, [width], at), groups: config.normGroups },
    o: linear(names.output, [decoder.hiddenSize, width]),
  };
}

/** What `buildStateSpace` takes, under the names it takes it by. */
export function nameStateSpace(
  { input, convolution, step, decay, skip, norm, o }: StateSpace,
  names: StateSpaceNames,
  layer: number,
): NamedTensor[] {
  const at = { layer };
  return [
    ...nameLinear(names.input, input, at),
    ...nameLinear(names.convolution, convolution, at),
    single(names.stepBias, step.bias, at),
    single(names.decay, decay, at),
    single(names.skip, skip, at),
    single(names.norm, norm.weight, at),
    ...nameLinear(names.output, o, at),
  ];
}
