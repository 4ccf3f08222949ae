import { z } from 'zod';
import { MoepressError } from '../../errors/error.js';
import type { MoeFfn, Router, RouterGroups } from '../../model/model.js';
import { rows } from '../../tensor/expr.js';
import { checkSlots, defineOperation, index, invalid, moeOf, some } from './operation.js';

/**
 * Only these experts stay; the others' router rows go with them. A router that selects within groups of experts keeps
 * as many of each, unless it is `ungrouped`: then it selects among all that stay.
 */
export const keepExperts = defineOperation({
  schema: z.strictObject({
    op: z.literal('keep-experts'),
    experts: some(index),
    ungrouped: z.literal(true).optional(),
  }),
  apply(block, { experts, ungrouped }, context) {
    const ffn = moeOf(block, context);
    const router = ungrouped ? { ...ffn.router, groups: null } : ffn.router;
    return { ...block, ffn: withSlots({ ...ffn, router }, experts, context.where) };
  },
});

/** Pool and router rows shrink together; slots that share an expert keep sharing it. */
function withSlots(ffn: MoeFfn, experts: readonly number[], where: string): MoeFfn {
  const kept = [...experts].sort((a, b) => a - b);
  checkSlots(kept, ffn, where);
  if (kept.length < ffn.router.topK) {
    throw new MoepressError('RATIO_TOO_HIGH', {
      message: `${kept.length} experts would remain but the router selects ${ffn.router.topK}.`,
      where,
    });
  }
  const { groups, weight, bias, selectionBias, slotScales } = ffn.router;
  if (groups) checkGroups(kept, ffn, groups, where);
  const entries = kept.map((slot) => ffn.slots[slot]!);
  const used = [...new Set(entries)].sort((a, b) => a - b);
  return {
    ...ffn,
    router: {
      ...ffn.router,
      weight: rows(weight, kept),
      bias: bias && rows(bias, kept),
      selectionBias: selectionBias && rows(selectionBias, kept),
      ...(slotScales && { slotScales: rows(slotScales, kept) }),
    },
    pool: used.map((entry) => ffn.pool[entry]!),
    slots: entries.map((entry) => used.indexOf(entry)),
  };
}

/** Groups are equal runs of slots, so each must lose the same number, and enough must remain to select from. */
function checkGroups(kept: readonly number[], ffn: MoeFfn, groups: RouterGroups, where: string): void {
  const size = ffn.slots.length / groups.count;
  const left = Array.from(
    { length: groups.count },
    (_, g) => kept.filter((e) => Math.floor(e / size) === g).length,
  );
  const each = left[0]!;
  if (left.some((n) => n !== each)) {
    throw invalid(
      `The router's ${groups.count} groups must keep equally many experts, not ${left.join(', ')}`,
      where,
    );
  }
  const least = leastSlots(ffn.router);
  if (each < least) {
    throw new MoepressError('RATIO_TOO_HIGH', {
      message: `${each} experts would remain in each of the router's groups, which needs ${least}.`,
      where,
    });
  }
}

/** How many slots each of a router's groups must keep, or the router as a whole if it has none. */
export function leastSlots({ topK, groups }: Router): number {
  if (!groups) return topK;
  return Math.max(Math.ceil(topK / groups.selected), groups.by === 'top-2-sum' ? 2 : 1);
}
