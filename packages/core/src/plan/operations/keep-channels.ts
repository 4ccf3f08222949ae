import { z } from 'zod';
import { MoepressError } from '../../errors/error.js';
import { mapMlp } from '../../model/mlp.js';
import type { DenseFfn, KeptChannels, Mlp, MoeFfn } from '../../model/model.js';
import { cols, rows } from '../../tensor/expr.js';
import { defineOperation, ffnOf, some } from './operation.js';

/**
 * The channels of an expert that are kept, as a plan stores them: one bit per channel, the lowest bit of the first
 * byte first, in base64. The 4.7 million channels of Qwen3-30B-A3B take 0.8 MB that way.
 */
export function encodeChannels(kept: readonly number[], width: number): string {
  const bits = Buffer.alloc(Math.ceil(width / 8));
  for (const channel of kept) bits[channel >> 3]! |= 1 << (channel & 7);
  return bits.toString('base64');
}

/** Ascending channels of a mask. Throws `PLAN_INVALID` unless it is as long as `width` demands. */
export function decodeChannels(mask: string, width: number, where: string): number[] {
  const bits = Buffer.from(mask, 'base64');
  if (bits.length === Math.ceil(width / 8)) {
    const isKept = (channel: number) => (bits[channel >> 3]! & (1 << (channel & 7))) !== 0;
    const kept = Array.from({ length: bits.length * 8 }, (_, channel) => channel).filter(isKept);
    if ((kept.at(-1) ?? -1) < width) return kept;
  }
  throw new MoepressError('PLAN_INVALID', {
    message: `A mask of ${bits.length} bytes does not tell which of ${width} channels stay.`,
    where,
  });
}

/** Expert i of the layer keeps the channels of mask i (`decodeChannels`): it becomes narrower. A dense FFN has one mask. */
export const keepChannels = defineOperation({
  schema: z.strictObject({ op: z.literal('keep-channels'), channels: some(z.base64()) }),
  changesExperts: true,
  apply(block, { channels }, context) {
    return { ...block, ffn: withChannels(ffnOf(block, context), channels, context.where) };
  },
});

/** Every expert keeps the channels that its mask names; `masks[i]` is for `pool[i]`. A dense FFN has one mask. */
function withChannels(ffn: DenseFfn | MoeFfn, masks: readonly string[], where: string): DenseFfn | MoeFfn {
  const mlps = ffn.kind === 'dense' ? [ffn.mlp] : ffn.pool;
  if (masks.length !== mlps.length) {
    throw new MoepressError('PLAN_INVALID', {
      message: `${masks.length} masks for ${ffn.kind === 'dense' ? 'one dense FFN' : `${mlps.length} experts`}.`,
      where,
    });
  }
  if (ffn.kind === 'dense') return { ...ffn, mlp: narrowed(ffn.mlp, masks[0]!, where) };
  return { ...ffn, pool: ffn.pool.map((expert, i) => narrowed(expert, masks[i]!, `${where}, expert ${i}`)) };
}

function narrowed<M extends Mlp>(mlp: M, mask: string, where: string) {
  const own = decodeChannels(mask, mlp.width, where);
  if (own.length === mlp.width) return mlp;
  const before = mlp.kept;
  const kept: KeptChannels = before
    ? { channels: own.map((channel) => before.channels[channel]!), of: before.of }
    : { channels: own, of: mlp.width };
  return {
    ...mapMlp(mlp, own.length, { rows: (tensor) => rows(tensor, own), cols: (tensor) => cols(tensor, own) }),
    kept,
  };
}
