import {
  type Compressor,
  encodeNumbers,
  firstSlots,
  type LayerPlan,
  layerEvidence,
  means,
  moeBlocks,
  requireMoeBlocks,
  throwIfAborted,
  topIndices,
} from '@moepress/core';
import { expertHits, outputSums } from '@moepress/graph';
import { z } from 'zod';
import { keptOf } from './merge-by-use.js';
import { moneScore } from './mone-score.js';

const options = z.strictObject({
  /** Fraction of the experts of every layer that become constants. */
  ratio: z.number().min(0).lt(1),
  /** Not used: the method is deterministic. */
  seed: z.int().default(0),
});

export type MoneOptions = z.infer<typeof options>;

/**
 * MoNE (arXiv:2507.00390): the floor(ratio N) experts of a layer with the lowest `mone-score` become "novices", constants that
 * yield the mean of what the expert yielded on the tokens routed to it; one that met no token yields zeros. Routers stay. Of equal
 * experts the one with the higher index is replaced first.
 */
export const mone: Compressor<MoneOptions> = {
  specVersion: 1,
  name: 'mone',
  title: 'MoNE: experts of little use and variance become constants',
  reference: 'arXiv:2507.00390',
  options,
  needs(model) {
    requireMoeBlocks(model, 'replace');
    return moneScore.needs;
  },
  async plan({ model, evidence, options: { ratio }, rng, signal }) {
    const layers = moeBlocks(model).flatMap(({ index, ffn }): LayerPlan[] => {
      throwIfAborted(signal);
      const n = ffn.pool.length;
      const measured = layerEvidence(evidence, index);
      const kept = new Set(topIndices(moneScore.score(measured, { ffn, rng }), keptOf(n, ratio)));
      if (kept.size === n) return [];
      const counts = measured.read(expertHits, 'count');
      const sums = measured.read(outputSums, 'sum');
      const width = sums.length / n;
      const slotOf = firstSlots(ffn);
      const experts = [...ffn.pool.keys()]
        .filter((e) => !kept.has(e))
        .map((e) => {
          const sum = sums.subarray(e * width, (e + 1) * width);
          const mean = means(sum, new Float64Array(width).fill(counts[e]!));
          return { expert: slotOf[e]!, values: encodeNumbers([...mean]) };
        });
      return [{ layer: index, ops: [{ op: 'replace-by-constant', experts }] }];
    });
    return { layers };
  },
};
