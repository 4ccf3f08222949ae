import { type Compressor, encodeChannels, type LayerPlan, throwIfAborted } from '@moepress/core';
import { z } from 'zod';
import { blockSize } from './blocks.js';
import { checkScopes, scopesOf } from './budget.js';
import { channelsOf, scoreChannels } from './channels.js';
import { type Decision, decide, evenly, type Kept, withoutTop } from './decide.js';
import { blockCost, byLayer, describe } from './describe.js';
import { type ScoreName, scorers } from './scorers.js';
import { warningOfBlocks, warningsOf } from './warnings.js';

const count = z.int().min(0);

const options = z
  .strictObject({
    /** Fraction of the channels of the routed experts to remove. */
    ratio: z.number().min(0).lt(1),
    /** Not used: the method is deterministic. */
    seed: z.int().default(0),
    /** The scope that loses that share: every expert, every layer as a whole, or the model as a whole. */
    budget: z.enum(['expert', 'layer', 'model']).default('expert'),
    score: z.enum(Object.keys(scorers) as [ScoreName, ...ScoreName[]]).default('grad-abs'),
    /** Channels that each expert keeps at least. */
    floor: count.default(0),
    /** Widths become multiples of it. */
    align: z.literal([1, 64, 128, 256]).default(1),
    /**
     * Channels go in runs of so many neighbours. `stored`: of as many as share scales in the quantised weights, which then keep
     * their codes; 1 where they are not quantised.
     */
    blocks: z.union([z.literal('stored'), z.int().min(1).max(4096)]).default(1),
    /** The best channels of the model stay, whatever the budget. */
    protectTop: count.default(0),
    /** Exactly this number of the best channels of the model are removed, and nothing else. */
    dropTop: count.default(0),
  })
  .refine(
    ({ dropTop, ratio, floor, align, blocks, protectTop }) =>
      dropTop === 0 || (ratio === 0 && floor === 0 && align === 1 && blocks === 1 && protectTop === 0),
    {
      path: ['dropTop'],
      message: 'It requires ratio 0 and excludes floor, align, blocks and protectTop',
    },
  );

export type FisherMoeOptions = z.infer<typeof options>;

/**
 * Fisher-MoE: every expert keeps the channels that the loss is most sensitive to. Routers, the number of
 * experts and top-k stay; experts become narrower, by one width or each by its own. Throws, before
 * anything is measured, `RATIO_TOO_HIGH` if the floor or the alignment leaves no way to meet the ratio,
 * and `INPUT_INVALID` where layers share experts.
 */
export const fisherMoe: Compressor<FisherMoeOptions> = {
  specVersion: 1,
  name: 'fisher-moe',
  title: 'Fisher-MoE: narrower experts by the gradients of their channels',
  reference: 'arXiv:2606.05538',
  options,
  needs(model, { ratio, budget, floor, align, blocks, dropTop, score }) {
    const experts = channelsOf(model);
    checkScopes(scopesOf(experts, budget, ratio), floor, multipleOf(align, blockSize(experts, blocks)));
    return ratio === 0 && dropTop === 0 ? [] : [scorers[score].statistic];
  },
  outline(model, { ratio, budget, floor, align: wanted, blocks, dropTop }) {
    const experts = channelsOf(model);
    const scopes = scopesOf(experts, budget, ratio);
    const align = multipleOf(wanted, blockSize(experts, blocks));
    checkScopes(scopes, floor, align);
    if (dropTop > 0) return planChannels(evenly([{ experts, drop: dropTop }], { floor: 0, align: 1 }));
    return planChannels(evenly(scopes, { floor, align }));
  },
  async plan({ model, evidence, options, signal }) {
    const { ratio, budget, dropTop, score } = options;
    throwIfAborted(signal);
    const experts = channelsOf(model);
    if (ratio === 0 && dropTop === 0) return { layers: [] };
    if (!evidence) throw new Error('There is no evidence.');
    const scores = scoreChannels(model, experts, evidence, scorers[score]);
    const block = blockSize(experts, options.blocks);
    const align = multipleOf(options.align, block);
    const decision =
      dropTop > 0
        ? withoutTop(experts, scores, dropTop)
        : decide(experts, scopesOf(experts, budget, ratio), scores, { ...options, align, block });
    const cost = blockCost(decision, scores, block);
    return {
      layers: planChannels(decision),
      warnings: [...warningsOf(decision, scores), ...(cost ? [warningOfBlocks(cost)] : [])],
      details: { ...describe(decision), ...(cost && { blocks: cost }) },
    };
  },
};

/** The least width that is a multiple of both. */
function multipleOf(align: number, block: number): number {
  let [a, b] = [align, block];
  while (b > 0) [a, b] = [b, a % b];
  return (align / a) * block;
}

/** Plans for the layers in which some expert becomes narrower. */
function planChannels({ experts }: Decision): LayerPlan[] {
  const isWhole = ({ kept, channels }: Kept) => kept.length === channels.expert.width;
  return byLayer(experts).flatMap((own): LayerPlan[] => {
    if (own.every(isWhole)) return [];
    const channels = own.map(({ kept, channels: { expert } }) => encodeChannels(kept, expert.width));
    return [{ layer: own[0]!.channels.layer, ops: [{ op: 'keep-channels', channels }] }];
  });
}
