import { z } from 'zod';
import { MoepressError } from '../../errors/error.js';
import type { MoeFfn } from '../../model/model.js';
import { indexExperts } from '../../model/slots.js';
import { defineOperation, index, invalid, moeOf, some } from './operation.js';

/** Slot i computes with the named expert, possibly of another layer; the router stays as it is. */
export const remapSlots = defineOperation({
  schema: z.strictObject({
    op: z.literal('remap-slots'),
    /** [decoder layer, expert index] in the base model. */
    slots: some(z.tuple([index, index])),
  }),
  apply(block, { slots }, context) {
    const ffn = moeOf(block, context);
    const { pools, where } = context;
    if (slots.length !== ffn.slots.length) {
      throw invalid(`${slots.length} slots for a router of ${ffn.slots.length}`, where);
    }
    const indexed = indexExperts(slots);
    checkSharing({ ...ffn, slots: indexed.slots }, where);
    const pool = indexed.experts.map(([layer, index]) => {
      const expert = pools.get(layer)?.[index];
      if (!expert) throw invalid(`There is no expert ${index} in layer ${layer}`, where);
      return expert;
    });
    return { ...block, ffn: { ...ffn, pool, slots: indexed.slots } };
  },
});

/** Throws `CONFIG_UNSUPPORTED` if slots share experts that a router of several weighs the inputs of. */
export function checkSharing({ router, slots }: Pick<MoeFfn, 'router' | 'slots'>, where: string): void {
  const { topK, weighs } = router;
  if (weighs !== 'input' || topK === 1 || new Set(slots).size === slots.length) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `The router weighs what goes into an expert and chooses ${topK}: slots that share an expert would not be one run of it with the sum of their weights.`,
    where,
    hint: 'Choose a method that drops experts.',
  });
}
