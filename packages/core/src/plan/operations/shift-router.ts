import { z } from 'zod';
import { MoepressError } from '../../errors/error.js';
import type { Router } from '../../model/model.js';
import { weightedSum } from '../../tensor/expr.js';
import { defineOperation, moeOf } from './operation.js';
import { constantOf } from './replace-by-constant.js';

/** A number is added to the score of each slot where slots are selected; what the selected ones weigh stays their score. */
export const shiftRouter = defineOperation({
  schema: z.strictObject({
    op: z.literal('shift-router'),
    /** One number for each slot (`encodeNumbers`). */
    bias: z.base64(),
  }),
  apply(block, { bias }, context) {
    const ffn = moeOf(block, context);
    const { where } = context;
    const router = {
      ...ffn.router,
      selectionBias: shifted(ffn.router, bias, { slots: ffn.slots.length, where }),
    };
    return { ...block, ffn: { ...ffn, router } };
  },
});

function shifted(
  { selectionBias: before, mixerThreshold }: Router,
  bias: string,
  { slots, where }: { readonly slots: number; readonly where: string },
): Router['selectionBias'] {
  if (mixerThreshold !== undefined) {
    throw new MoepressError('CONFIG_UNSUPPORTED', {
      message:
        'The router weighs two experts against each other (SparseMixer), which leaves no room for a bias.',
      where,
      hint: 'Choose a method that leaves the router as it is.',
    });
  }
  const added = constantOf(bias, { dtype: before?.dtype ?? 'F32', size: slots, where });
  return before ? weightedSum([before, added], [1, 1]) : added;
}
