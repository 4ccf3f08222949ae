import { z } from 'zod';
import { MoepressError } from '../../errors/error.js';
import type { Router } from '../../model/model.js';
import { defineOperation, invalid, moeOf } from './operation.js';
import { checkSharing } from './remap-slots.js';

/** The router selects this many of its slots; their weights follow from its own rule. */
export const setTopK = defineOperation({
  schema: z.strictObject({ op: z.literal('set-top-k'), topK: z.int().positive() }),
  apply(block, { topK }, context) {
    const ffn = moeOf(block, context);
    const { where } = context;
    checkTopK(topK, ffn.router, ffn.slots.length, where);
    const router = { ...ffn.router, topK };
    checkSharing({ ...ffn, router }, where);
    return { ...block, ffn: { ...ffn, router } };
  },
});

function checkTopK(topK: number, { groups, mixerThreshold }: Router, slots: number, where: string): void {
  if (mixerThreshold !== undefined && topK !== 2) {
    throw new MoepressError('CONFIG_UNSUPPORTED', {
      message: `The router weighs two experts against each other (SparseMixer) and cannot select ${topK}.`,
      where,
      hint: 'Choose a method that drops or merges experts.',
    });
  }
  const open = groups ? (slots / groups.count) * groups.selected : slots;
  if (topK > open) throw invalid(`The router has ${open} experts to select from, not ${topK}`, where);
}
