import {
  firstSlots,
  type LayerPlan,
  type Model,
  type MoeBlock,
  MoepressError,
  requireMoeBlocks,
} from '@moepress/core';
import { z } from 'zod';

/** Options of methods that merge experts. */
export const mergingOptions = {
  /** Fraction of the experts of every layer that are merged into others. */
  ratio: z.number().min(0).lt(1),
  /** Not used: the methods are deterministic. */
  seed: z.int().default(0),
};

/** Experts of a layer's pool that become one, the first of them its namesake. */
export interface Cluster {
  readonly experts: readonly number[];
  /** For each, see `merge-experts`; absent: no channels change places. */
  readonly permutations?: readonly (string | null)[];
}

/** How many experts of a pool are left. */
export const keptOf = (experts: number, ratio: number): number => experts - Math.floor(experts * ratio);

/**
 * The layers with experts to merge. Throws `INPUT_INVALID` for a model without, and `CONFIG_UNSUPPORTED` where experts of a
 * layer differ in width.
 */
export function mergeableBlocks(model: Model): MoeBlock[] {
  const blocks = requireMoeBlocks(model, 'merge');
  const ragged = blocks.find(({ ffn }) => new Set(ffn.pool.map(({ width }) => width)).size > 1);
  if (!ragged) return blocks;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `The experts of layer ${ragged.index} differ in width and cannot be added up.`,
    where: model.source.directory,
    hint: 'Merge experts of the model this one was made of.',
  });
}

/**
 * Merges each cluster into one expert, weighted with how often each was chosen, or equally where none was. Every slot of a
 * cluster computes with it, and the router stays.
 */
export function mergeByUse(
  { index, ffn }: MoeBlock,
  clusters: readonly Cluster[],
  counts: Float64Array,
): LayerPlan[] {
  const slotOf = firstSlots(ffn);
  const merged = clusters.filter(({ experts }) => experts.length > 1);
  if (merged.length === 0) return [];
  const groups = merged.map(({ experts, permutations }) => {
    const total = experts.reduce((sum, e) => sum + counts[e]!, 0);
    return {
      experts: experts.map((e) => slotOf[e]!),
      weights: experts.map((e) => (total > 0 ? counts[e]! / total : 1 / experts.length)),
      ...(permutations && { permutations: [...permutations] }),
    };
  });
  return [{ layer: index, ops: [{ op: 'merge-experts', groups }] }];
}
