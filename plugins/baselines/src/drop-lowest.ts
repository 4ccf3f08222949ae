import {
  type CompressionOptions,
  type Compressor,
  type LayerEvidence,
  type LayerPlan,
  type Model,
  type MoeFfn,
  MoepressError,
  moeBlocks,
  type Scorer,
  throwIfAborted,
} from '@moepress/core';
import { z } from 'zod';

/** `ratio`: fraction of each layer's experts to drop; `seed`: for scorers that draw lots. */
const options = z.strictObject({
  ratio: z.number().min(0).lt(1),
  seed: z.int().default(0),
});

/**
 * Expert dropping: in every layer the floor(ratio * experts) lowest-scored experts leave, and their router
 * rows with them. Of equal experts the one with the higher index leaves first. Throws `RATIO_TOO_HIGH`,
 * before anything is measured, if a layer would keep fewer experts than the router selects, and
 * `WEIGHTS_NOT_FINITE` if a score is not a number.
 */
export function dropLowest(scorer: Scorer): Compressor<CompressionOptions> {
  return {
    specVersion: 1,
    name: scorer.name,
    title: scorer.title,
    reference: scorer.reference,
    options,
    needs(model, { ratio }) {
      checkRatio(model, ratio);
      return scorer.needs;
    },
    async plan({ model, evidence, options: { ratio }, rng, signal }) {
      checkRatio(model, ratio);
      const layers = moeBlocks(model).flatMap(({ index, ffn }): LayerPlan[] => {
        throwIfAborted(signal);
        const layer = evidence?.layers.find((measured) => measured.layer === index) ?? unmeasured(index);
        const scores = scorer.score(layer, { ffn, rng });
        checkScores(scores, scorer.name, index);
        const dropped = lowest(scores, dropCount(ffn, ratio));
        if (dropped.size === 0) return [];
        const experts = [...ffn.slots.keys()].filter((slot) => !dropped.has(ffn.slots[slot]!));
        return [{ layer: index, ops: [{ op: 'keep-experts', experts }] }];
      });
      return { layers };
    },
  };
}

const dropCount = (ffn: MoeFfn, ratio: number) => Math.floor(ffn.pool.length * ratio);

function checkRatio(model: Model, ratio: number): void {
  const blocks = moeBlocks(model);
  if (blocks.length === 0) {
    throw new MoepressError('INPUT_INVALID', {
      message: `${model.id} has no routed experts to drop.`,
      where: model.source.directory,
      mend: 'Give a Mixture-of-Experts model.',
    });
  }
  for (const { index, ffn } of blocks) {
    const kept = ffn.pool.length - dropCount(ffn, ratio);
    if (kept >= ffn.router.topK) continue;
    throw new MoepressError('RATIO_TOO_HIGH', {
      message: `At ratio ${ratio} layer ${index} would keep ${kept} of ${ffn.pool.length} experts, but its router selects ${ffn.router.topK}.`,
      where: 'option ratio',
    });
  }
}

/** Evidence of a layer for scorers that need none. */
function unmeasured(layer: number): LayerEvidence {
  return {
    layer,
    read: ({ name }) => {
      throw new Error(`The statistic ${name} was not collected for layer ${layer}.`);
    },
  };
}

function checkScores(scores: Float64Array, scorer: string, layer: number): void {
  const expert = scores.findIndex((score) => !Number.isFinite(score));
  if (expert < 0) return;
  throw new MoepressError('WEIGHTS_NOT_FINITE', {
    message: `The ${scorer} score of expert ${expert} is ${scores[expert]}.`,
    where: `layer ${layer}`,
  });
}

/** Indices of the `count` lowest scores; of equal scores the higher index counts as lower. */
function lowest(scores: Float64Array, count: number): Set<number> {
  const order = [...scores.keys()].sort((a, b) => scores[a]! - scores[b]! || b - a);
  return new Set(order.slice(0, count));
}
