import {
  type Compressor,
  type LayerEvidence,
  type LayerPlan,
  leastSlots,
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

export type DropOptions = z.infer<typeof options>;

/**
 * Expert dropping: in every layer the floor(ratio * experts) lowest-scored experts leave, and their router
 * rows with them. A router that selects within groups of experts demands groups of one size, so there the
 * floor(ratio * experts) lowest of each group leave. Of equal experts the one with the higher index leaves
 * first. Throws before anything is measured: `RATIO_TOO_HIGH` if a router could not select its top-k from
 * what a layer would keep, `CONFIG_UNSUPPORTED` if slots share experts. Throws `WEIGHTS_NOT_FINITE` if a
 * score is not a number.
 */
export function dropLowest(scorer: Scorer): Compressor<DropOptions> {
  return {
    specVersion: 1,
    name: scorer.name,
    title: scorer.title,
    reference: scorer.reference,
    options,
    needs(model, { ratio }) {
      check(model, ratio);
      return scorer.needs;
    },
    async plan({ model, evidence, options: { ratio }, rng, signal }) {
      check(model, ratio);
      const layers = moeBlocks(model).flatMap(({ index, ffn }): LayerPlan[] => {
        throwIfAborted(signal);
        const layer = evidence?.layers.find((measured) => measured.layer === index) ?? unmeasured(index);
        const scores = scorer.score(layer, { ffn, rng });
        checkScores(scores, scorer.name, index);
        const dropped = new Set(runsOf(ffn).flatMap((run) => lowest(run, scores, dropCount(run, ratio))));
        if (dropped.size === 0) return [];
        const experts = [...ffn.slots.keys()].filter((slot) => !dropped.has(ffn.slots[slot]!));
        return [{ layer: index, ops: [{ op: 'keep-experts', experts }] }];
      });
      return { layers };
    },
  };
}

/** The experts that are ranked among each other: of a layer, or of a group its router selects within. */
function runsOf({ slots, router }: MoeFfn): (readonly number[])[] {
  const count = router.groups?.count ?? 1;
  const size = slots.length / count;
  return Array.from({ length: count }, (_, run) => slots.slice(run * size, (run + 1) * size));
}

const dropCount = (run: readonly number[], ratio: number) => Math.floor(run.length * ratio);

function check(model: Model, ratio: number): void {
  const blocks = moeBlocks(model);
  if (blocks.length === 0) {
    throw new MoepressError('INPUT_INVALID', {
      message: `${model.id} has no routed experts to drop.`,
      where: model.source.directory,
      mend: 'Give a Mixture-of-Experts model.',
    });
  }
  for (const { index, ffn } of blocks) {
    checkSlots(ffn, index, model);
    checkRatio(ffn, index, ratio);
  }
}

/** An expert takes all its slots along: layers would differ in slots, which no checkpoint can say. */
function checkSlots({ slots, pool }: MoeFfn, layer: number, model: Model): void {
  if (slots.length === pool.length) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `In layer ${layer} the ${slots.length} slots of the router share ${pool.length} experts. Dropping these would leave layers with different numbers of slots.`,
    where: model.source.directory,
    mend: 'Drop experts from the model this one was made of, or compress it further with conmoe.',
  });
}

function checkRatio(ffn: MoeFfn, layer: number, ratio: number): void {
  const [run] = runsOf(ffn) as [readonly number[]];
  const [kept, least] = [run.length - dropCount(run, ratio), leastSlots(ffn.router)];
  if (kept >= least) return;
  const { groups, topK } = ffn.router;
  const demand = groups ? `needs ${least} in each of its ${groups.count} groups` : `selects ${topK}`;
  throw new MoepressError('RATIO_TOO_HIGH', {
    message: `At ratio ${ratio} layer ${layer} would keep ${kept} of ${run.length} experts${groups ? ' a group' : ''}, but its router ${demand}.`,
    where: 'option ratio',
  });
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

/** The `count` experts of a run with the lowest scores; of equal scores the higher index counts as lower. */
function lowest(run: readonly number[], scores: Float64Array, count: number): number[] {
  return [...run].sort((a, b) => scores[a]! - scores[b]! || b - a).slice(0, count);
}
