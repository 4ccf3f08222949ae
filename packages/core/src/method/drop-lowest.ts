import { z } from 'zod';
import { MoepressError, throwIfAborted } from '../errors/error.js';
import { type LayerEvidence, layerEvidence } from '../evidence/evidence.js';
import type { Model, MoeFfn, RouterGroups } from '../model/model.js';
import { moeBlocks, requireMoeBlocks } from '../model/walk.js';
import { leastSlots } from '../plan/operations/index.js';
import type { LayerPlan } from '../plan/schema.js';
import type { Compressor } from './compressor.js';
import { warnOfMissedRatio } from './missed-ratio.js';
import { topIndices } from './ranking.js';
import type { Scorer } from './scorer.js';

const options = z.strictObject({
  /** Fraction of each layer's experts to drop. */
  ratio: z.number().min(0).lt(1),
  /** Seed for scorers that use random numbers. */
  seed: z.int().default(0),
  /**
   * For a router that selects within groups of experts: drop the lowest of the layer, as papers define it, and let
   * the router select among all remaining experts. Otherwise the lowest of each group are dropped.
   */
  acrossGroups: z.boolean().optional(),
});

export type DropOptions = z.infer<typeof options>;

/**
 * Expert dropping: in every layer the floor(ratio * experts) lowest-scored experts leave, and their router
 * rows with them. A router that selects within groups of experts demands groups of one size, so there the
 * floor(ratio * experts) lowest of each group leave, unless groups are given up (`acrossGroups`). Of equal experts the
 * one with the higher index leaves first. Throws before anything is measured: `INPUT_INVALID` for a model without
 * experts, `RATIO_TOO_HIGH` if a router could not select its top-k from what a layer would keep, and
 * `CONFIG_UNSUPPORTED` if slots share experts. Throws `WEIGHTS_NOT_FINITE` if a score is not a number.
 */
export function dropLowest(scorer: Scorer): Compressor<DropOptions> {
  return {
    specVersion: 1,
    name: scorer.name,
    title: scorer.title,
    reference: scorer.reference,
    options,
    needs(model, own) {
      check(model, own);
      return scorer.needs;
    },
    outline(model, own) {
      check(model, own);
      const order = ({ pool }: MoeFfn) => Float64Array.from(pool.keys());
      return moeBlocks(model).flatMap(({ index, ffn }) => dropFrom(index, ffn, order(ffn), own));
    },
    async plan({ model, evidence, options: own, rng, signal }) {
      check(model, own);
      const layers = moeBlocks(model).flatMap(({ index, ffn }): LayerPlan[] => {
        throwIfAborted(signal);
        const layer = scorer.needs.length > 0 ? layerEvidence(evidence, index) : unmeasured(index);
        const scores = scorer.score(layer, { ffn, rng });
        checkScores(scores, { scorer: scorer.name, layer: index, experts: ffn.pool.length });
        return dropFrom(index, ffn, scores, own);
      });
      return { layers, warnings: warningsOf(model, own) };
    },
  };
}

function dropFrom(layer: number, ffn: MoeFfn, scores: Float64Array, own: DropOptions): LayerPlan[] {
  const runs = runsOf(ffn, own);
  const kept = new Set(
    runs.flatMap((run) => {
      const scoresOfRun = run.map((expert) => scores[expert]!);
      return topIndices(scoresOfRun, run.length - dropCount(run, own.ratio)).map((place) => run[place]!);
    }),
  );
  if (kept.size === ffn.pool.length) return [];
  const experts = [...ffn.slots.keys()].filter((slot) => kept.has(ffn.slots[slot]!));
  const ungrouped = own.acrossGroups === true && ffn.router.groups !== null;
  return [{ layer, ops: [{ op: 'keep-experts', experts, ...(ungrouped && { ungrouped }) }] }];
}

function warningsOf(model: Model, own: DropOptions): string[] {
  const blocks = moeBlocks(model);
  const grouped = blocks.flatMap(({ ffn }) => ffn.router.groups ?? []);
  const [experts, dropped] = [(ffn: MoeFfn) => ffn.pool.length, (ffn: MoeFfn) => droppedFrom(ffn, own)].map(
    (count) => blocks.reduce((sum, { ffn }) => sum + count(ffn), 0),
  ) as [number, number];
  return [
    grouped.length > 0 && dropped > 0 ? warnOfGroups(grouped[0]!, own) : undefined,
    warnOfMissedRatio(own.ratio, dropped / experts, 'the routed experts', 'only whole experts of a layer go'),
  ].filter((warning) => warning !== undefined);
}

const droppedFrom = (ffn: MoeFfn, own: DropOptions): number =>
  runsOf(ffn, own).reduce((sum, run) => sum + dropCount(run, own.ratio), 0);

function warnOfGroups({ count, selected }: RouterGroups, { acrossGroups }: DropOptions): string {
  return acrossGroups
    ? `The routers selected within the best ${selected} of ${count} groups of experts. They select among all that stay now, so that a token may be routed otherwise than groups alone would have it.`
    : `The routers select within the best ${selected} of ${count} groups of experts, which have to stay of one size: the lowest experts of each group go, not the lowest of the layer as the method is defined. With the option acrossGroups these go, and the routers select without groups.`;
}

/**
 * The sets of experts that are ranked against each other: the experts of a layer, or those of each group its router
 * selects within.
 */
function runsOf({ slots, router }: MoeFfn, { acrossGroups }: DropOptions): (readonly number[])[] {
  const count = acrossGroups ? 1 : (router.groups?.count ?? 1);
  const size = slots.length / count;
  return Array.from({ length: count }, (_, run) => slots.slice(run * size, (run + 1) * size));
}

const dropCount = (run: readonly number[], ratio: number) => Math.floor(run.length * ratio);

function check(model: Model, own: DropOptions): void {
  for (const { index, ffn } of requireMoeBlocks(model, 'drop')) {
    checkSlots(ffn, index, model);
    checkRatio(ffn, index, own);
  }
}

/**
 * Dropping an expert removes all its slots, so layers would differ in their numbers of slots, which no checkpoint
 * format can express.
 */
function checkSlots({ slots, pool }: MoeFfn, layer: number, model: Model): void {
  if (slots.length === pool.length) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `In layer ${layer} the ${slots.length} slots of the router share ${pool.length} experts. Dropping these would leave layers with different numbers of slots.`,
    where: model.source.directory,
    hint: 'Drop experts from the model this one was made of, or compress it further with conmoe.',
  });
}

function checkRatio(ffn: MoeFfn, layer: number, own: DropOptions): void {
  const { ratio, acrossGroups } = own;
  const router = acrossGroups ? { ...ffn.router, groups: null } : ffn.router;
  const [run] = runsOf(ffn, own) as [readonly number[]];
  const [kept, least] = [run.length - dropCount(run, ratio), leastSlots(router)];
  if (kept >= least) return;
  const { groups, topK } = router;
  const demand = groups ? `needs ${least} in each of its ${groups.count} groups` : `selects ${topK}`;
  throw new MoepressError('RATIO_TOO_HIGH', {
    message: `At ratio ${ratio} layer ${layer} would keep ${kept} of ${run.length} experts${groups ? ' a group' : ''}, but its router ${demand}.`,
    where: 'options.ratio',
  });
}

/** Evidence for scorers that need no statistics. */
function unmeasured(layer: number): LayerEvidence {
  return {
    layer,
    read: ({ name }) => {
      throw new Error(`The statistic ${name} was not collected for layer ${layer}.`);
    },
  };
}

function checkScores(
  scores: Float64Array,
  { scorer, layer, experts }: { readonly scorer: string; readonly layer: number; readonly experts: number },
): void {
  if (scores.length !== experts) {
    throw new Error(`The scorer ${scorer} gave ${scores.length} scores for ${experts} experts.`);
  }
  const expert = scores.findIndex((score) => !Number.isFinite(score));
  if (expert < 0) return;
  throw new MoepressError('WEIGHTS_NOT_FINITE', {
    message: `The ${scorer} score of expert ${expert} is ${scores[expert]}.`,
    where: `layer ${layer}`,
  });
}
