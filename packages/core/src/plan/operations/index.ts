import { z } from 'zod';
import type { Block } from '../../model/model.js';
import { condense } from './condense.js';
import { dropAttention, dropBlock, dropFfn } from './drop-parts.js';
import { keepChannels } from './keep-channels.js';
import { keepExperts } from './keep-experts.js';
import { mergeExperts } from './merge-experts.js';
import type { Operation, OperationContext } from './operation.js';
import { remapSlots } from './remap-slots.js';
import { replaceByConstant } from './replace-by-constant.js';
import { setTopK } from './set-top-k.js';
import { shiftRouter } from './shift-router.js';

export type { CondenseOp } from './condense.js';
export { decodeChannels, encodeChannels } from './keep-channels.js';
export { leastSlots } from './keep-experts.js';
export { decodeIndices, encodeIndices } from './packed-indices.js';

/** Every operation there is. */
const operations = [
  keepExperts,
  remapSlots,
  mergeExperts,
  keepChannels,
  condense,
  setTopK,
  dropFfn,
  dropAttention,
  dropBlock,
  replaceByConstant,
  shiftRouter,
] as const;

type SchemasOf<All extends readonly { readonly schema: z.ZodType }[]> = {
  -readonly [I in keyof All]: All[I]['schema'];
};

/** An operation as a plan says it. */
export const layerOp = z.discriminatedUnion(
  'op',
  operations.map(({ schema }) => schema) as unknown as SchemasOf<typeof operations>,
);

export type LayerOp = z.infer<typeof layerOp>;

const byName = new Map<string, Operation>(
  operations.map((operation) => [operation.schema.shape.op.value, operation as unknown as Operation]),
);

/** What an operation makes of a layer. Throws what `Operation.apply` throws. */
export const applyOperation = (block: Block, op: LayerOp, context: OperationContext): Block =>
  byName.get(op.op)!.apply(block, op, context);

/** Whether an operation makes other experts of those of the layer. */
export const changesExperts = ({ op }: LayerOp): boolean => byName.get(op)!.changesExperts === true;
