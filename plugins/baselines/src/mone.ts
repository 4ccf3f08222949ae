import {
  applyLayers,
  type Compressor,
  createRng,
  encodeNumbers,
  type LayerEvidence,
  type LayerPlan,
  layerEvidence,
  type Model,
  type MoeBlock,
  MoepressError,
  requireMoeBlocks,
  throwIfAborted,
  topIndices,
} from '@moepress/core';
import { expertHits, outputSums } from '@moepress/graph';
import { z } from 'zod';
import { missedWarnings } from './missed.js';
import { moneScore } from './mone-score.js';

const options = z.strictObject({
  /** Fraction of each layer's experts that become constants. */
  ratio: z.number().min(0).lt(1),
  /** Not used: the method is deterministic. */
  seed: z.int().default(0),
});

export type MoneOptions = z.infer<typeof options>;

/**
 * MoNE (arXiv:2507.00390): in each layer the floor(ratio * experts) experts of lowest score (`moneScore`) become constants, which the
 * paper calls novices: whatever a token is, such an expert yields the mean of what it yielded for the tokens that chose it, zeros if
 * none did. Routers stay as they are, so any ratio below 1 is possible. Of equal experts those with higher indices go first. Throws,
 * before anything is measured, `INPUT_INVALID` for a model without experts and `CONFIG_UNSUPPORTED` where an expert cannot be a
 * constant, and `WEIGHTS_NOT_FINITE`.
 */
export const mone: Compressor<MoneOptions> = {
  specVersion: 1,
  name: 'mone',
  title: 'MoNE: experts of little use and variance become constants',
  reference: 'arXiv:2507.00390',
  options,
  decidesByLayer: () => true,
  needs(model, { ratio }) {
    applyLayers(model, outlined(model, ratio));
    return ratio === 0 ? [] : moneScore.needs;
  },
  outline: (model, { ratio }) => outlined(model, ratio),
  async plan({ model, evidence, options: { ratio, seed }, signal }) {
    const blocks = requireMoeBlocks(model, 'replace');
    const layers = blocks.flatMap((block): LayerPlan[] => {
      throwIfAborted(signal);
      const count = countOf(block, ratio);
      if (count === 0) return [];
      const layer = layerEvidence(evidence, block.index);
      const scores = moneScore.score(layer, { ffn: block.ffn, rng: createRng(seed) });
      checkFinite(scores, block.index);
      const stays = new Set(topIndices(scores, scores.length - count));
      const gone = [...block.ffn.pool.keys()].filter((expert) => !stays.has(expert));
      return [replace(block, gone, meansOf(layer))];
    });
    const sum = (of: (block: MoeBlock) => number) => blocks.reduce((total, block) => total + of(block), 0);
    const removed = sum((block) => countOf(block, ratio)) / sum(({ ffn }) => ffn.pool.length);
    const warnings = missedWarnings(ratio, removed, 'the routed experts', 'only whole experts of a layer go');
    return { layers, warnings };
  },
};

const countOf = ({ ffn }: MoeBlock, ratio: number): number => Math.floor(ffn.pool.length * ratio);

/** The same with the first experts and zeros. */
function outlined(model: Model, ratio: number): LayerPlan[] {
  return requireMoeBlocks(model, 'replace').flatMap((block) => {
    const count = countOf(block, ratio);
    if (count === 0) return [];
    const zeros = (expert: number) => new Float64Array(block.ffn.pool[expert]!.down.shape[0]!);
    return [replace(block, [...Array(count).keys()], zeros)];
  });
}

/** The mean output of each expert over its tokens. */
function meansOf(layer: LayerEvidence): (expert: number) => Float64Array {
  const [counts, sums] = [layer.read(expertHits, 'count'), layer.read(outputSums, 'sum')];
  const width = sums.length / counts.length;
  return (expert) => {
    const own = sums.subarray(expert * width, (expert + 1) * width);
    return own.map((value) => (counts[expert]! > 0 ? value / counts[expert]! : 0));
  };
}

function replace(
  { index, ffn }: MoeBlock,
  gone: readonly number[],
  valuesOf: (expert: number) => Float64Array,
): LayerPlan {
  const experts = gone.map((expert) => ({
    expert: ffn.slots.indexOf(expert),
    values: encodeNumbers([...valuesOf(expert)]),
  }));
  return { layer: index, ops: [{ op: 'replace-by-constant', experts }] };
}

function checkFinite(scores: Float64Array, layer: number): void {
  if (scores.every(Number.isFinite)) return;
  throw new MoepressError('WEIGHTS_NOT_FINITE', {
    message: 'The scores of its experts are not finite.',
    where: `layer ${layer}`,
  });
}
