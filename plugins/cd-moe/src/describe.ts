import type { CondensedLayer } from './condense.js';
import type { LayerSearch } from './search.js';
import type { Task } from './task.js';

/** The part of the plan that describes the decision to its reader. Layers are decoder layers. */
export function describe(
  { kept }: Task,
  order: readonly number[],
  search: LayerSearch | null,
  condensed: readonly CondensedLayer[],
) {
  return {
    experts: kept,
    /** First to last choice, with the distance of the final hidden states once it was made; null: not searched for. */
    order: order.map((layer, i) => ({ layer, distance: search?.distances[i] ?? null })),
    blockRuns: search?.blockRuns ?? null,
    /** All layers that were weighed, with their experts from first to last choice. */
    layers: condensed.map(({ layer, experts, residual }) => ({
      layer,
      experts: experts.map(({ expert }) => expert),
      weights: experts.map(({ weight }) => weight),
      distances: experts.map(({ distance }) => distance),
      residual,
    })),
  };
}
