import type { Linear, ShortConvolution } from '@moepress/core';
import type { ShortConvolutionNames } from '../architectures/manifest.js';
import type { ShortConvolutionConfig } from '../config/short-convolution-config.js';
import type { BuildContext } from './build-context.js';
import { type NamedTensor, nameLinear } from './named-tensor.js';

/** Throws what `TensorSource.take` throws. */
export function buildShortConvolution(
  layer: number,
  { window, bias }: ShortConvolutionConfig,
  { config: { decoder }, tensors, manifest }: BuildContext,
): ShortConvolution {
  const names = manifest.tensors.shortConvolution;
  const { hiddenSize } = decoder;
  const at = { layer };
  const biasOf = (stem: string, out: number) => (bias ? tensors.take(`${stem}.bias`, [out], at) : null);
  const linear = (stem: string, out: number): Linear => ({
    weight: tensors.matrix(`${stem}.weight`, [out, hiddenSize], at),
    bias: biasOf(stem, out),
  });
  return {
    kind: 'short-convolution',
    input: linear(names.input, 3 * hiddenSize),
    convolution: {
      weight: tensors.take(`${names.convolution}.weight`, [hiddenSize, 1, window], at),
      bias: biasOf(names.convolution, hiddenSize),
    },
    o: linear(names.output, hiddenSize),
  };
}

/** What `buildShortConvolution` takes, under the names it takes it by. */
export function nameShortConvolution(
  { input, convolution, o }: ShortConvolution,
  names: ShortConvolutionNames,
  layer: number,
): NamedTensor[] {
  const at = { layer };
  return [
    ...nameLinear(names.input, input, at),
    ...nameLinear(names.convolution, convolution, at),
    ...nameLinear(names.output, o, at),
  ];
}
