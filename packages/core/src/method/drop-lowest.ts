import { z } from 'zod';
import { MoepressError, throwIfAborted } from '../errors/error.js';
import { shown } from '../errors/shown.js';
import { type LayerEvidence, layerEvidence } from '../evidence/evidence.js';
import type { Model, MoeFfn, RouterGroups } from '../model/model.js';
import { moeBlocks } from '../model/walk.js';
import type { LayerPlan } from '../plan/schema.js';
import { allot } from './budgets/allot.js';
import type { BudgetLayer } from './budgets/budget.js';
import { budgetChoice, chooseBudget } from './budgets/known-budgets.js';
import type { Compressor, PlanContext } from './compressor.js';
import { checkDropping, type Dropping, mostSteps, runsOf, shareOf } from './droppable.js';
import { leaving } from './leaving.js';
import { warnOfMissedRatio } from './missed-ratio.js';
import { createRng } from './rng.js';
import type { Scorer } from './scorer.js';
import { outputMaxima, superExperts } from './super-experts.js';
import { unevenly } from './unevenly.js';

const options = z.strictObject({
  /** Fraction of the experts to drop: of each layer's, unless a budget says otherwise. */
  ratio: z.number().min(0).lt(1).optional(),
  /** Seed for scorers that use random numbers. */
  seed: z.int().default(0),
  /**
   * For a router that selects within groups of experts: drop the lowest of the layer, as papers define it, and let
   * the router select among all remaining experts. Otherwise the lowest of each group are dropped.
   */
  acrossGroups: z.boolean().optional(),
  /** How many experts each layer loses: the name of a budget (`uniform` if absent), or `{ name, ... }` with its options. */
  budget: budgetChoice.optional(),
  /** Whether super experts, whose outputs are extreme, stay whatever their score (arXiv:2507.23279). */
  keepSuperExperts: z.boolean().optional(),
});

export type DropOptions = z.infer<typeof options>;

/**
 * Expert dropping: in every layer the lowest-scored experts leave, and their router rows with them; a budget says how many of
 * each layer, floor(ratio * experts) by itself. A router that selects within groups of experts demands groups of one size, so
 * there as many of each group leave, unless groups are given up (`acrossGroups`). Of equal experts the
 * one with the higher index leaves first. Throws before anything is measured: `INPUT_INVALID` for a model without
 * experts, `RATIO_TOO_HIGH` if a router could not select its top-k from what a layer would keep, `OPTIONS_INVALID` for a budget
 * that is not known or a size that is said twice or never, and
 * `CONFIG_UNSUPPORTED` if slots share experts. Throws `WEIGHTS_NOT_FINITE` if a score is not a number.
 */
export function dropLowest(scorer: Scorer): Compressor<DropOptions> {
  return {
    specVersion: 1,
    name: scorer.name,
    title: scorer.title,
    reference: scorer.reference,
    options,
    comparesSets: (own) => chooseBudget(own.budget).budget.comparesSets ?? false,
    decidesByLayer({ budget, keepSuperExperts }) {
      const chosen = chooseBudget(budget).budget;
      return chosen.isUniform && !chosen.comparesSets && !keepSuperExperts;
    },
    needs(model, own) {
      checkDropping(model, droppingOf(own));
      checkSets(scorer, own);
      const { budget, options: given } = chooseBudget(own.budget);
      return [
        ...scorer.needs,
        ...(budget.needs?.(given) ?? []),
        ...(own.keepSuperExperts ? [outputMaxima] : []),
      ];
    },
    outline(model, own) {
      const dropping = droppingOf(own);
      checkDropping(model, dropping);
      const blocks = moeBlocks(model);
      const steps = dropping.isUniform
        ? blocks.map(({ ffn }) => shareOf(ffn, dropping))
        : unevenly(blocks, dropping);
      return blocks.flatMap(({ index, ffn }, i) => {
        const scores = Float64Array.from(ffn.pool.keys());
        return dropFrom({ layer: index, ffn, scores, kept: nobody }, steps[i]!, dropping);
      });
    },
    async plan(context) {
      const { model, options: own, signal } = context;
      const dropping = droppingOf(own);
      checkDropping(model, dropping);
      checkSets(scorer, own);
      const { budget, options: given } = chooseBudget(own.budget);
      const measured = measuredLayers(scorer, context);
      const kept = own.keepSuperExperts ? superExperts(measured.map(({ evidence }) => evidence)) : [];
      const layers = measured.map((layer, i) => budgetLayer(layer, dropping, kept[i] ?? nobody));
      throwIfAborted(signal);
      const allotted = allot(budget, { layers, options: given });
      const plans = layers.flatMap(({ layer, ffn, scores }, i) => {
        const of = { layer, ffn, scores: allotted[i]!.scores ?? scores, kept: kept[i] ?? nobody };
        return dropFrom(of, allotted[i]!.steps, dropping);
      });
      const gone = allotted.map(({ steps }, i) => steps * layers[i]!.step);
      const supers = layers.flatMap(({ layer }, i) => [...(kept[i] ?? [])].map((expert) => [layer, expert]));
      return {
        layers: plans,
        warnings: warningsOf(model, own, gone),
        ...((own.budget !== undefined || own.keepSuperExperts) && {
          details: {
            dropped: gone,
            ...(own.keepSuperExperts && { superExperts: supers }),
          },
        }),
      };
    },
  };
}

const nobody: ReadonlySet<number> = new Set();

function droppingOf(own: DropOptions): Dropping {
  const { budget, options: given } = chooseBudget(own.budget);
  const setsSize = budget.setsSize?.(given) ?? false;
  return { ...own, isUniform: budget.isUniform, setsSize, budgetName: budget.name };
}

/** Throws `OPTIONS_INVALID` where a ranking that measures nothing is to be compared between calibration sets. */
function checkSets({ name, needs }: Scorer, own: DropOptions): void {
  const { budget } = chooseBudget(own.budget);
  if (!budget.comparesSets || needs.length > 0) return;
  throw new MoepressError('OPTIONS_INVALID', {
    message: `The budget ${budget.name} compares what ${name} measures on several calibration sets, and ${name} measures nothing.`,
    where: 'options.budget',
    hint: 'Choose a method that measures, or another budget.',
  });
}

type MeasuredLayer = Pick<BudgetLayer, 'layer' | 'ffn' | 'scores' | 'scoresBySet' | 'evidence'>;

/** What a ranking says of each layer, on each calibration set. */
function measuredLayers(
  scorer: Scorer,
  { model, evidence, domains = [], options: own, rng, signal }: PlanContext<DropOptions>,
): MeasuredLayer[] {
  const sets = [evidence, ...domains];
  const rngs = sets.map((_, set) => (set === 0 ? rng : createRng(own.seed)));
  return moeBlocks(model).map(({ index, ffn }) => {
    throwIfAborted(signal);
    const layers = sets.map((set) => (set === null ? unmeasured(index) : layerEvidence(set, index)));
    if (scorer.needs.length > 0 && evidence === null) layerEvidence(evidence, index);
    const scoresBySet = layers.map((layer, set) => {
      const scores = scorer.score(layer, { ffn, rng: rngs[set]! });
      checkScores(scores, { scorer: scorer.name, layer: index, experts: ffn.pool.length });
      return scores;
    });
    return { layer: index, ffn, scores: scoresBySet[0]!, scoresBySet, evidence: layers[0]! };
  });
}

function budgetLayer(layer: MeasuredLayer, dropping: Dropping, kept: ReadonlySet<number>): BudgetLayer {
  const { ffn, scores } = layer;
  const runs = runsOf(ffn, dropping);
  const orders = runs.map((run) => leaving(run, scores, kept));
  const most = Math.min(mostSteps(ffn, dropping), ...orders.map((order) => order.length));
  const costs = Float64Array.from({ length: most }, (_, step) =>
    orders.reduce((sum, order) => sum + scores[order[step]!]!, 0),
  );
  return { ...layer, step: runs.length, costs, most, share: shareOf(ffn, dropping) };
}

interface DroppedFrom {
  readonly layer: number;
  readonly ffn: MoeFfn;
  readonly scores: Float64Array;
  /** Experts that stay in any case. */
  readonly kept: ReadonlySet<number>;
}

/** The plan of a layer of which `steps` experts of each run leave; none if nobody leaves. */
function dropFrom({ layer, ffn, scores, kept }: DroppedFrom, steps: number, own: Dropping): LayerPlan[] {
  if (steps === 0) return [];
  const gone = new Set(runsOf(ffn, own).flatMap((run) => leaving(run, scores, kept).slice(0, steps)));
  const experts = [...ffn.slots.keys()].filter((slot) => !gone.has(ffn.slots[slot]!));
  const ungrouped = own.acrossGroups === true && ffn.router.groups !== null;
  return [{ layer, ops: [{ op: 'keep-experts', experts, ...(ungrouped && { ungrouped }) }] }];
}

/** `gone`: experts that leave each layer. */
function warningsOf(model: Model, own: DropOptions, gone: readonly number[]): string[] {
  const blocks = moeBlocks(model);
  const grouped = blocks.flatMap(({ ffn }) => ffn.router.groups ?? []);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  const [experts, dropped] = [sum(blocks.map(({ ffn }) => ffn.pool.length)), sum(gone)];
  const why = own.keepSuperExperts
    ? 'only whole experts of a layer go, and super experts stay'
    : 'only whole experts of a layer go';
  return [
    grouped.length > 0 && dropped > 0 ? warnOfGroups(grouped[0]!, own) : undefined,
    warnOfMissedRatio(own.ratio, dropped / experts, 'the routed experts', why),
  ].filter((warning) => warning !== undefined);
}

function warnOfGroups({ count, selected }: RouterGroups, { acrossGroups }: DropOptions): string {
  return acrossGroups
    ? `The routers selected within the best ${selected} of ${count} groups of experts. They select among all that stay now, so that a token may be routed otherwise than groups alone would have it.`
    : `The routers select within the best ${selected} of ${count} groups of experts, which have to stay of one size: the lowest experts of each group go, not the lowest of the layer as the method is defined. With the option acrossGroups these go, and the routers select without groups.`;
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
  if (!ArrayBuffer.isView(scores) && !Array.isArray(scores)) {
    throw new TypeError(`score() of ${scorer} gave ${shown(scores)}: a Float64Array was wanted.`);
  }
  if (scores.length !== experts) {
    throw new Error(`The scorer ${scorer} gave ${scores.length} scores for ${experts} experts.`);
  }
  const expert = scores.findIndex((score) => !Number.isFinite(score));
  if (expert < 0) return;
  throw new MoepressError('WEIGHTS_NOT_FINITE', {
    message: `The ${scorer} score of expert ${expert} is ${scores[expert]}.`,
    where: `layer ${layer}`,
    hint: 'The weights contain NaN or infinity, or the scorer divides by zero for an expert without tokens: see its statistics.',
  });
}
