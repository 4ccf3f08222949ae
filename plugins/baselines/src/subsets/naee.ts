import {
  type Compressor,
  type ExpertStatistic,
  type LayerPlan,
  layerEvidence,
  type Model,
  type MoeFfn,
  moeBlocks,
  throwIfAborted,
} from '@moepress/core';
import { z } from 'zod';
import { missedWarnings } from '../missed.js';
import { type RunsOfLayer, runsToDrop } from './droppable-runs.js';
import { dropGreedily } from './greedy.js';
import { isPlainRouter, mostExhaustive, subsetErrors, subsetsOf } from './subset-errors.js';
import { weightedOutputGram } from './weighted-gram.js';

const options = z.strictObject({
  /** Fraction of each layer's experts to drop. */
  ratio: z.number().min(0).lt(1),
  /** Not used: the method is deterministic. */
  seed: z.int().default(0),
  /** Whether all subsets of a layer are tried where it has at most 16 experts; otherwise experts leave one by one. */
  exhaustive: z.boolean().default(true),
});

export type NaeeOptions = z.infer<typeof options>;

/**
 * Expert pruning by the error of the layer's output (NAEE, "Not All Experts are Equal", arXiv:2402.14800): each layer keeps the
 * subset of its experts with which the routed output changes least on the calibration tokens, in squared distance, when the
 * router chooses among them alone. All subsets are tried in layers of up to 16 experts, as in the paper, which has 8. Of more
 * experts, and where a router has groups, a selection bias or other rules of its own, experts leave one by one: each
 * time the one whose absence adds least to ||Σ w f||^2 over the experts that have left, by the Gram matrix of their weighted
 * outputs. That error leaves out that other experts would take the place of those that are gone, which the paper does not treat, as
 * it samples subsets for large layers. Of equal subsets the first stays. Throws what dropping the lowest throws.
 */
export const naee: Compressor<NaeeOptions> = {
  specVersion: 1,
  name: 'naee',
  title: 'NAEE: the subset of experts with the smallest error of the output',
  reference: 'arXiv:2402.14800',
  options,
  decidesByLayer: () => true,
  needs(model, own) {
    const layers = runsToDrop(model, own.ratio);
    const [exact, greedy] = [
      layers.filter((one) => isExact(one, own)),
      layers.filter((one) => isGreedy(one, own)),
    ];
    return [
      ...(exact.length > 0 ? [errorsOf(model, own)] : []),
      ...(greedy.length > 0 ? [weightedOutputGram] : []),
    ];
  },
  outline: (model, { ratio }) =>
    runsToDrop(model, ratio).flatMap((layer) =>
      keep(layer, new Set(layer.runs.flatMap((run) => run.slice(0, layer.leaving)))),
    ),
  async plan({ model, evidence, options: own, signal }) {
    const all = runsToDrop(model, own.ratio);
    const plans = all.flatMap((layer) => {
      throwIfAborted(signal);
      if (layer.leaving === 0) return [];
      const measured = layerEvidence(evidence, layer.block.index);
      const gone = isExact(layer, own)
        ? outsideBest(layer, measured.read(errorsOf(model, own), 'errors'), own.ratio)
        : dropGreedily(layer, measured.read(weightedOutputGram, 'gram'));
      return keep(layer, gone);
    });
    const experts = all.reduce((sum, { block }) => sum + block.ffn.pool.length, 0);
    const gone = all.reduce((sum, { runs, leaving }) => sum + runs.length * leaving, 0);
    const warnings = missedWarnings(
      own.ratio,
      gone / experts,
      'the routed experts',
      'only whole experts of a layer go',
    );
    return { layers: plans, warnings };
  },
};

const isExact = ({ block, leaving }: RunsOfLayer, { exhaustive }: NaeeOptions): boolean =>
  leaving > 0 && exhaustive && block.ffn.pool.length <= mostExhaustive && isPlainRouter(block.ffn);

const isGreedy = (layer: RunsOfLayer, own: NaeeOptions): boolean => layer.leaving > 0 && !isExact(layer, own);

/** The statistic of layers whose subsets are all tried; it is stored by the ratio, which says of how many experts they are. */
function errorsOf(model: Model, { ratio }: NaeeOptions): ExpertStatistic {
  const ffns = new Map(moeBlocks(model).map(({ index, ffn }) => [index, ffn]));
  const ffnOf = (layer: number) => ffns.get(layer)!;
  return subsetErrors(`subset-errors-${ratio}`, { ffnOf, keptOf: (layer) => keptOf(ffnOf(layer), ratio) });
}

/** How many experts stay in the subsets that are tried; 0 where none are. */
const keptOf = (ffn: MoeFfn, ratio: number): number =>
  ffn.pool.length <= mostExhaustive && isPlainRouter(ffn)
    ? ffn.pool.length - Math.floor(ffn.pool.length * ratio)
    : 0;

/** The experts outside the best subset; `errors` [subsets]. */
function outsideBest({ block: { ffn } }: RunsOfLayer, errors: Float64Array, ratio: number): Set<number> {
  const best = errors.reduce((least, error, i) => (error < errors[least]! ? i : least), 0);
  const kept = new Set(subsetsOf(ffn.pool.length, keptOf(ffn, ratio))[best]);
  return new Set([...ffn.pool.keys()].filter((expert) => !kept.has(expert)));
}

function keep({ block }: RunsOfLayer, gone: ReadonlySet<number>): LayerPlan[] {
  const { index, ffn } = block;
  if (gone.size === 0) return [];
  const experts = [...ffn.slots.keys()].filter((slot) => !gone.has(ffn.slots[slot]!));
  return [{ layer: index, ops: [{ op: 'keep-experts', experts }] }];
}
