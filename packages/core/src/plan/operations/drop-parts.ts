import { z } from 'zod';
import { MoepressError } from '../../errors/error.js';
import type { Block, BlockNorms } from '../../model/model.js';
import { isEmptyBlock } from '../../model/walk.js';
import { defineOperation, ffnOf, invalid, type OperationContext } from './operation.js';

/** The layer keeps its attention, or what stands in its place, and nothing else. */
export const dropFfn = defineOperation({
  schema: z.strictObject({ op: z.literal('drop-ffn') }),
  apply(block, _, context) {
    ffnOf(block, context);
    if (!block.outputScale) return withoutFfn(block);
    throw new MoepressError('CONFIG_UNSUPPORTED', {
      message: `What comes out of layer ${block.index} is multiplied by a stored number, which goes with its FFN.`,
      where: context.where,
      hint: 'Drop the whole layer, or its attention.',
    });
  },
});

/** The layer keeps its FFN, or what stands in its place, and nothing else. */
export const dropAttention = defineOperation({
  schema: z.strictObject({ op: z.literal('drop-attention') }),
  apply(block, _, context) {
    if (block.attention.kind === 'none')
      throw invalid(`Layer ${block.index} has no attention`, context.where);
    return withoutAttention(block, context);
  },
});

/** What comes into the layer leaves it unchanged; later layers keep their indices. */
export const dropBlock = defineOperation({
  schema: z.strictObject({ op: z.literal('drop-block') }),
  apply(block, _, context) {
    if (isEmptyBlock(block)) throw invalid(`Layer ${block.index} is gone already`, context.where);
    const { outputScale: _gone, ...rest } = withoutAttention(withoutFfn(block), context);
    return rest;
  },
});

function withoutFfn(block: Block): Block {
  const { parts: _, ...norms } = without(block.norms, 'ffn');
  // Nothing sees what the norm of a parallel layer yields once both parts are gone.
  const attention = block.attention.kind === 'none' ? null : norms.attention;
  return { ...block, ffn: { kind: 'none', shared: null }, norms: { ...norms, attention, ffn: null } };
}

function withoutAttention(block: Block, { blocks, where }: OperationContext): Block {
  if (choosesForOthers(block.index, blocks)) {
    throw new MoepressError('CONFIG_UNSUPPORTED', {
      message: `The attention of layer ${block.index} chooses the tokens that attention of other layers may attend to.`,
      where,
      hint: 'Choose other layers, or drop their FFNs.',
    });
  }
  const norms = without(block.norms, 'attention');
  // The FFN of a parallel layer sees what attention saw, after that norm.
  const keeps = norms.parallel && block.ffn.kind !== 'none';
  return {
    ...block,
    attention: { kind: 'none' },
    norms: keeps ? norms : { ...norms, attention: null },
  };
}

/** Whether attention of a later layer takes the tokens that the indexer of this one chooses (GLM-5.2). */
function choosesForOthers(layer: number, blocks: readonly Block[]): boolean {
  const indexers = blocks.map(({ attention }) =>
    attention.kind === 'mla' ? attention.indexer?.kind : undefined,
  );
  if (indexers[layer] !== 'own') return false;
  return indexers.slice(layer + 1).find((kind) => kind !== undefined) === 'shared';
}

/** The norms without those of what a part yields, and without the bias of its own. */
function without(norms: BlockNorms, part: 'attention' | 'ffn'): BlockNorms {
  const { after, bias } = norms;
  return {
    ...norms,
    ...(after && { after: { ...after, [part]: null } }),
    ...(bias && { bias: { ...bias, [part]: null } }),
  };
}
