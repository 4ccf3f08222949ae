import {
  type Compressor,
  firstSlots,
  type LayerReplay,
  type MoeBlock,
  type PlanContext,
  throwIfAborted,
} from '@moepress/core';
import { type CondensedLayer, planLayer } from './condense.js';
import { criteria } from './criteria.js';
import { describe } from './describe.js';
import { type CdMoeOptions, options } from './options.js';
import { type ChosenExpert, type LayerSearch, searchExperts, searchLayers } from './search.js';
import { type Task, taskOf } from './task.js';
import { warningsOf } from './warnings.js';
import { fitWeights, type LayerWeights, meanWeights, needsOf } from './weights.js';

type Context = PlanContext<CdMoeOptions>;

/**
 * CD-MoE: some layers lose their router and become one dense FFN of the shared experts and a few routed ones
 * with constant weights; the others stay as they are. Both choices are greedy searches for the smallest change
 * of hidden states. Throws, before anything is measured, `OPTIONS_INVALID`, `RATIO_TOO_HIGH` and
 * `INPUT_INVALID` as `taskOf` does.
 */
export const cdMoe: Compressor<CdMoeOptions> = {
  specVersion: 1,
  name: 'cd-moe',
  title: 'CD-MoE: layers condensed to shared and a few constant experts',
  reference: 'arXiv:2412.00069',
  options,
  needs: (model, own) => needsOf(taskOf(model, own), own.weights === 'least-squares'),
  outline(model, own) {
    const task = taskOf(model, own);
    const chosen = task.layers ?? task.blocks.slice(0, task.count).map(({ index }) => index);
    return task.blocks
      .filter(({ index }) => chosen.includes(index))
      .map((block) => {
        const slots = firstSlots(block.ffn).slice(0, task.kept);
        const experts = slots.map((expert) => ({ expert, weight: 1, distance: null }));
        return planLayer({ layer: block.index, experts, residual: null });
      });
  },
  async plan(context) {
    const { model, evidence, options } = context;
    const task = taskOf(model, options);
    if (task.count === 0) return { layers: [] };
    const blocks = task.blocks.filter(({ index }) => task.layers?.includes(index) ?? true);
    const weights = new Map(
      task.kept === 0 ? [] : blocks.map((block) => [block.index, meanWeights(task, block, evidence)]),
    );
    const orders = await orderExperts(context, task, blocks, weights);
    const condensed = new Map(
      blocks.map((block) => [block.index, condenseLayer(context, block, orders.get(block.index)!)]),
    );
    const search = task.layers ? null : await orderLayers(context, task, condensed);
    const order = search?.layers ?? task.layers!;
    const chosen = order.map((layer) => condensed.get(layer)!);
    return {
      layers: chosen.toSorted((a, b) => a.layer - b.layer).map(planLayer),
      warnings: warningsOf({ model, options, task, chosen, weights }),
      details: describe(task, order, search, [...condensed.values()]),
    };
  },
};

/** The experts that each layer keeps, as they are known or as the search finds them. */
async function orderExperts(
  { tools, options, progress, signal }: Context,
  { kept, experts }: Task,
  blocks: readonly MoeBlock[],
  weights: ReadonlyMap<number, LayerWeights>,
): Promise<Map<number, readonly ChosenExpert[]>> {
  const weighed = (layer: number, slots: readonly number[]) =>
    slots.map((expert) => ({ expert, weight: weights.get(layer)!.values[expert]! }));
  const orders = new Map<number, readonly ChosenExpert[]>();
  const unknown = new Map<number, MoeBlock>();
  for (const block of blocks) {
    const known = kept === 0 ? [] : experts.get(block.index);
    if (!known) unknown.set(block.index, block);
    else
      orders.set(
        block.index,
        weighed(block.index, known).map((expert) => ({ ...expert, distance: null })),
      );
  }
  if (unknown.size === 0) return orders;
  const request = { layers: [...unknown.keys()], criterion: criteria[options.criterion], progress, signal };
  await tools.replayLayers(request, async (replay: LayerReplay) => {
    const { layer } = replay;
    const candidates = weighed(layer, firstSlots(unknown.get(layer)!.ffn));
    orders.set(layer, await searchExperts(replay, candidates, kept));
  });
  return orders;
}

function condenseLayer(
  { evidence, options }: Context,
  block: MoeBlock,
  experts: readonly ChosenExpert[],
): CondensedLayer {
  const layer = block.index;
  if (options.weights === 'mean' || experts.length === 0) return { layer, experts, residual: null };
  const { weights, residual } = fitWeights(
    block,
    experts.map(({ expert }) => expert),
    experts.map(({ weight }) => weight),
    evidence,
  );
  return { layer, residual, experts: experts.map((expert, i) => ({ ...expert, weight: weights[i]! })) };
}

function orderLayers(
  { model, tools, options, progress, signal }: Context,
  { count }: Task,
  condensed: ReadonlyMap<number, CondensedLayer>,
): Promise<LayerSearch> {
  const plans = new Map([...condensed].map(([layer, own]) => [layer, planLayer(own)]));
  const criterion = criteria[options.criterion];
  return searchLayers(plans, { count, beam: options.beam, blocks: model.blocks.length }, (views) => {
    throwIfAborted(signal);
    return tools.compareViews({ views, criterion, progress, signal });
  });
}
