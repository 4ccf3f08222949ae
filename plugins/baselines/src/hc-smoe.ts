import { type Compressor, type LayerPlan, layerEvidence, throwIfAborted } from '@moepress/core';
import { expertHits, outputSumsOnAllTokens } from '@moepress/graph';
import { z } from 'zod';
import { averageLinkage } from './average-linkage.js';
import { keptOf, mergeableBlocks, mergeByUse, mergingOptions } from './merge-by-use.js';

const options = z.strictObject(mergingOptions);

export type HcSmoeOptions = z.infer<typeof options>;

/**
 * HC-SMoE (arXiv:2410.08589): the experts of a layer are clustered by their mean output over all calibration tokens, each
 * token given to each expert: hierarchically, with average linkage and Euclidean distance, until N - floor(ratio N) clusters
 * are left. A cluster becomes the average of its experts, weighted by how often each was chosen, and all its slots use it; the
 * router stays. Where none of a cluster was chosen, its experts count equally.
 */
export const hcSmoe: Compressor<HcSmoeOptions> = {
  specVersion: 1,
  name: 'hc-smoe',
  title: 'HC-SMoE: merging of experts whose mean outputs are close',
  reference: 'arXiv:2410.08589',
  options,
  needs(model) {
    mergeableBlocks(model);
    return [expertHits, outputSumsOnAllTokens];
  },
  outline: (model, { ratio }) =>
    mergeableBlocks(model).flatMap((block): LayerPlan[] => {
      const n = block.ffn.pool.length;
      const first = Array.from({ length: n - keptOf(n, ratio) + 1 }, (_, e) => e);
      return mergeByUse(block, [{ experts: first }], new Float64Array(n));
    }),
  async plan({ model, evidence, options: { ratio }, signal }) {
    const layers = mergeableBlocks(model).flatMap((block) => {
      throwIfAborted(signal);
      const measured = layerEvidence(evidence, block.index);
      const n = block.ffn.pool.length;
      const distances = distancesOf(measured.read(outputSumsOnAllTokens, 'sum'), n);
      const clusters = averageLinkage(distances, n, keptOf(n, ratio)).map((experts) => ({ experts }));
      return mergeByUse(block, clusters, measured.read(expertHits, 'count'));
    });
    return { layers };
  },
};

/** Euclidean distances between n rows, n x n. Sums in place of means change all of them alike. */
function distancesOf(rows: Float64Array, n: number): Float64Array {
  const width = rows.length / n;
  return Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    let sum = 0;
    for (let c = 0; c < width; c++) sum += (rows[i * width + c]! - rows[j * width + c]!) ** 2;
    return Math.sqrt(sum);
  });
}
