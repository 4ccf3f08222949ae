import {
  type Compressor,
  denseBlocks,
  encodeChannels,
  type LayerPlan,
  type MlpStatistic,
  type Model,
  MoepressError,
  mlpEvidence,
  throwIfAborted,
  topIndices,
} from '@moepress/core';
import { columnSums, square } from '@moepress/graph';
import { z } from 'zod';

/** `sum` [I]: squared activation of each channel of a dense FFN or shared expert over all tokens. */
const mlpActivationEnergy: MlpStatistic = {
  target: 'mlps',
  name: 'mlp-activation-energy',
  version: 1,
  pass: 'forward',
  collect: (_, { activation }) => ({ sum: columnSums(square(activation)) }),
};

const options = z
  .strictObject({
    /** Fraction of the channels of each dense FFN to remove. */
    ratio: z.number().min(0).lt(1).optional(),
    /** The number of channels that each dense FFN keeps; an alternative to `ratio`. */
    width: z.int().positive().optional(),
    /** Not used: the method is deterministic. */
    seed: z.int().default(0),
  })
  .refine(({ ratio, width }) => (ratio === undefined) !== (width === undefined), {
    path: ['ratio'],
    message: 'Give either a ratio or a width',
  });

export type DenseWidthOptions = z.infer<typeof options>;

/**
 * Width pruning of dense models: every dense FFN keeps the channels with the largest activations, the L2 norm
 * over all calibration tokens of what goes into the down projection (the activation-based importance of Minitron,
 * arXiv:2407.14679, aggregated by L2 over both sequences and tokens). Of equal channels the one with the higher
 * index leaves first. MoE layers and shared experts stay as they are. Throws, before anything is measured,
 * `INPUT_INVALID` without a dense FFN and `OPTIONS_INVALID` where one is narrower than `width`.
 */
export const denseWidth: Compressor<DenseWidthOptions> = {
  specVersion: 1,
  name: 'dense-width',
  title: 'Width pruning of dense FFNs by their activations',
  reference: 'arXiv:2407.14679',
  options,
  needs(model, given) {
    narrowing(model, given);
    return [mlpActivationEnergy];
  },
  outline: (model, given) =>
    narrowing(model, given).flatMap(({ layer, width, kept }): LayerPlan[] =>
      kept === width ? [] : [narrowTo([...Array(kept).keys()], layer, width)],
    ),
  async plan({ model, evidence, options: given, signal }) {
    const layers = narrowing(model, given).flatMap(({ layer, width, kept }): LayerPlan[] => {
      throwIfAborted(signal);
      if (kept === width) return [];
      const energies = mlpEvidence(evidence, layer).read(mlpActivationEnergy, 'sum');
      return [narrowTo(topIndices(energies, kept), layer, width)];
    });
    return { layers };
  },
};

const narrowTo = (channels: readonly number[], layer: number, width: number): LayerPlan => ({
  layer,
  ops: [{ op: 'keep-channels', channels: [encodeChannels(channels, width)] }],
});

/** The number of channels that each dense FFN has, and how many of them it keeps. */
function narrowing(model: Model, { ratio = 0, width }: DenseWidthOptions) {
  const dense = denseBlocks(model);
  if (dense.length === 0) {
    throw new MoepressError('INPUT_INVALID', {
      message: `${model.id} has no dense FFN to narrow.`,
      where: model.source.directory,
      hint: 'Give a dense model, or make experts narrower with fisher-moe.',
    });
  }
  return dense.map(({ index, ffn: { mlp } }) => {
    const kept = width ?? mlp.width - Math.floor(ratio * mlp.width);
    if (kept <= mlp.width) return { layer: index, width: mlp.width, kept };
    throw new MoepressError('OPTIONS_INVALID', {
      message: `The dense FFN of layer ${index} has ${mlp.width} channels and cannot keep ${kept}.`,
      where: 'options.width',
    });
  });
}
