import {
  type Compressor,
  type ExpertStatistic,
  encodeChannels,
  type LayerEvidence,
  type LayerPlan,
  layerEvidence,
  type Model,
  type MoeBlock,
  MoepressError,
  requireMoeBlocks,
  throwIfAborted,
} from '@moepress/core';
import { z } from 'zod';
import { missedWarnings } from '../missed.js';
import { channelEnergies } from './channel-energies.js';

const options = z.strictObject({
  /** Fraction of the channels of each layer's routed experts to remove. */
  ratio: z.number().min(0).lt(1),
  /** Not used: the method is deterministic. */
  seed: z.int().default(0),
  /** Weight r of the largest energy of a token against the sum over all tokens, in [0, 1]. */
  maximum: z.number().min(0).max(1).default(0.9),
});

export type CameraOptions = z.infer<typeof options>;

/**
 * CAMERA (arXiv:2508.02322): a micro-expert is one channel of an expert, and its energy
 *
 *     ||w_down||_2^2 ((1 - r) Σ (g a)^2 + r max (g a)^2)
 *
 * over the tokens, with a its activation, g the expert's routing weight and w_down its column of the down projection. In every layer
 * the floor(ratio * channels) channels of lowest energy go, whichever expert they are of, so that experts come to differ in width. The
 * paper makes them zero and ranks those of shared experts with them; here they are removed, and shared experts stay as they are. Of
 * equal channels the last goes first. Throws `INPUT_INVALID` for a model without experts or one whose layers share experts, and
 * `WEIGHTS_NOT_FINITE`.
 */
export const camera: Compressor<CameraOptions> = {
  specVersion: 1,
  name: 'camera',
  title: 'CAMERA: narrower experts by the energy of their channels',
  reference: 'arXiv:2508.02322',
  options,
  decidesByLayer: () => true,
  needs(model, { ratio }) {
    const blocks = layersOf(model);
    return ratio === 0 ? [] : [energiesOf(blocks)];
  },
  outline: (model, { ratio }) =>
    layersOf(model).flatMap((block) => narrow(block, new Float64Array(widthOf(block)), ratio)),
  async plan({ model, evidence, options: { ratio, maximum }, signal }) {
    const blocks = layersOf(model);
    if (ratio === 0) return { layers: [] };
    const statistic = energiesOf(blocks);
    const layers = blocks.flatMap((block) => {
      throwIfAborted(signal);
      return narrow(
        block,
        energies(block, layerEvidence(evidence, block.index), { statistic, maximum }),
        ratio,
      );
    });
    const channels = blocks.reduce((sum, block) => sum + widthOf(block), 0);
    const gone = blocks.reduce((sum, block) => sum + Math.floor(widthOf(block) * ratio), 0);
    const warnings = missedWarnings(
      ratio,
      gone / channels,
      'the channels of routed experts',
      'only whole channels of a layer go',
    );
    return { layers, warnings };
  },
};

const widthOf = ({ ffn }: MoeBlock): number => ffn.pool.reduce((sum, { width }) => sum + width, 0);

const energiesOf = (blocks: readonly MoeBlock[]): ExpertStatistic =>
  channelEnergies(
    new Set(blocks.filter(({ ffn }) => ffn.router.weighs === 'input').map(({ index }) => index)),
  );

/** Energies of the channels of a layer, expert by expert. */
function energies(
  { index, ffn }: MoeBlock,
  layer: LayerEvidence,
  { statistic, maximum }: { readonly statistic: ExpertStatistic; readonly maximum: number },
): Float64Array {
  const [sums, most] = [layer.read(statistic, 'sum'), layer.read(statistic, 'max')];
  const widest = sums.length / ffn.pool.length;
  const all = ffn.pool.flatMap(({ width }, e) =>
    Array.from({ length: width }, (_, j) => {
      const at = e * widest + j;
      return (1 - maximum) * sums[at]! + maximum * most[at]!;
    }),
  );
  if (all.every(Number.isFinite)) return Float64Array.from(all);
  throw new MoepressError('WEIGHTS_NOT_FINITE', {
    message: 'The energies of its channels are not finite.',
    where: `layer ${index}`,
  });
}

function narrow(block: MoeBlock, scores: Float64Array, ratio: number): LayerPlan[] {
  const { index, ffn } = block;
  const drop = Math.floor(scores.length * ratio);
  if (drop === 0) return [];
  const order = [...scores.keys()].sort((a, b) => scores[a]! - scores[b]! || b - a);
  const gone = new Set(order.slice(0, drop));
  let start = 0;
  const channels = ffn.pool.map(({ width }) => {
    const own = Array.from({ length: width }, (_, j) => j).filter((j) => !gone.has(start + j));
    start += width;
    return encodeChannels(own, width);
  });
  return [{ layer: index, ops: [{ op: 'keep-channels', channels }] }];
}

/** Throws `INPUT_INVALID`; see `camera`. */
function layersOf(model: Model): MoeBlock[] {
  const blocks = requireMoeBlocks(model, 'make narrower');
  for (const { index, ffn } of blocks) {
    const other = ffn.pool.find(({ origin }) => origin.layer !== index);
    if (!other) continue;
    throw new MoepressError('INPUT_INVALID', {
      message: `Layer ${index} of ${model.id} uses an expert of layer ${other.origin.layer}; experts that layers share cannot lose channels.`,
      where: model.source.directory,
      hint: 'Make the experts of the original narrower, and share them afterwards.',
    });
  }
  return blocks;
}
