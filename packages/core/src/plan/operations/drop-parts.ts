import { z } from 'zod';
import { MoepressError } from '../../errors/error.js';
import type { Block, BlockNorms } from '../../model/model.js';
import { defineOperation, ffnOf, invalid } from './operation.js';

/** The layer keeps its attention, or what stands in its place, and nothing else. */
export const dropFfn = defineOperation({
  schema: z.strictObject({ op: z.literal('drop-ffn') }),
  apply(block, _, context) {
    ffnOf(block, context);
    return withoutFfn(block);
  },
});

/** The layer keeps its FFN, or what stands in its place, and nothing else. */
export const dropAttention = defineOperation({
  schema: z.strictObject({ op: z.literal('drop-attention') }),
  apply(block, _, { where }) {
    if (block.attention.kind === 'none') throw invalid(`Layer ${block.index} has no attention`, where);
    return withoutAttention(block, where);
  },
});

/** What comes into the layer leaves it unchanged; later layers keep their indices. */
export const dropBlock = defineOperation({
  schema: z.strictObject({ op: z.literal('drop-block') }),
  apply(block, _, { where }) {
    if (isEmpty(block)) throw invalid(`Layer ${block.index} is gone already`, where);
    const { outputScale: _scale, ...rest } = withoutAttention(withoutFfn(block), where);
    return { ...rest, norms: { attention: null, ffn: null } };
  },
});

/** Whether nothing is left of a layer, so that its output is its input. */
export const isEmpty = ({ attention, ffn }: Block): boolean =>
  attention.kind === 'none' && ffn.kind === 'none';

function withoutFfn(block: Block): Block {
  const { parts: _, ...norms } = without(block.norms, 'ffn');
  return { ...block, ffn: { kind: 'none', shared: null }, norms: { ...norms, ffn: null } };
}

function withoutAttention(block: Block, where: string): Block {
  const { attention } = block;
  if (attention.kind === 'mla' && attention.indexer?.kind === 'own') {
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

/** The norms without those of what a part yields, and without the bias of its own. */
function without(norms: BlockNorms, part: 'attention' | 'ffn'): BlockNorms {
  const { after, bias } = norms;
  return {
    ...norms,
    ...(after && { after: { ...after, [part]: null } }),
    ...(bias && { bias: { ...bias, [part]: null } }),
  };
}
