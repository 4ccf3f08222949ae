import type { Statistic } from '@moepress/core';
import type { Selection } from '../scoring/select.js';
import { type AffinityContext, affinities, cosineDistances } from './affinity.js';
import { balanced, clustered, type Partition } from './partition.js';

/**
 * Ways to put K experts into fewer groups: average linkage of cosine distances between the experts' weights,
 * outputs, router logits or selections; or `balanced`, groups of one size by the distance of weights.
 */
export const groupings = ['weights', 'outputs', 'router', 'co-activation', 'balanced'] as const;

export type Grouping = (typeof groupings)[number];

const affinityOf = (grouping: Grouping) => affinities[grouping === 'balanced' ? 'weights' : grouping];

export const groupingNeeds = (grouping: Grouping): readonly Statistic[] => affinityOf(grouping).needs;

export interface GroupRequest extends AffinityContext {
  readonly grouping: Grouping;
  /** The number of groups. */
  readonly groups: number;
}

/**
 * The selected experts in groups, by their indices in the pool. If there are as many groups as experts, each is
 * alone.
 */
export async function groupExperts(
  { experts, scores }: Selection,
  { grouping, groups, ...context }: GroupRequest,
): Promise<Partition> {
  if (groups === experts.length) return experts.map((expert) => [expert]);
  const products = await affinityOf(grouping).products(experts, context);
  const distances = cosineDistances(products);
  const partition =
    grouping === 'balanced'
      ? balanced(
          distances,
          experts.map((expert) => scores[expert]!),
          groups,
        )
      : clustered(distances, groups);
  return partition.map((group) => group.map((member) => experts[member]!));
}
