import { isDeepStrictEqual } from 'node:util';
import { type Block, type Model, type MoeFfn, MoepressError, rows, type TensorExpr } from '@moepress/core';

/** Of each layer with experts, the numbers of those that are kept, in their new order. */
export type KeptExperts = ReadonlyMap<number, readonly number[]>;

/**
 * Which experts of `base` a view keeps. Throws `CONFIG_UNSUPPORTED` for a view that is anything but the base without
 * some whole experts, and for one whose layers keep different numbers, of which files have one.
 */
export function keptExperts(base: Model, view: Model): KeptExperts {
  const kept = new Map<number, readonly number[]>();
  const isSame =
    isDeepStrictEqual(base.embed, view.embed) &&
    isDeepStrictEqual(base.head, view.head) &&
    isDeepStrictEqual(base.finalNorm, view.finalNorm) &&
    base.blocks.length === view.blocks.length;
  if (!isSame) throw refused(view, 'It changes more than experts');
  for (const [i, block] of view.blocks.entries()) {
    const experts = keptIn(base.blocks[i]!, block);
    if (experts === undefined)
      throw refused(view, `Layer ${block.index} is not what it was without some experts`);
    if (experts) kept.set(block.index, experts);
  }
  if (new Set([...kept.values()].map(({ length }) => length)).size > 1)
    throw refused(view, 'Its layers have different numbers of experts, of which a file has one');
  return kept;
}

/** Null for a layer without experts, undefined for one that differs otherwise. */
function keptIn(base: Block, block: Block): readonly number[] | null | undefined {
  const [before, after] = [base.ffn, block.ffn];
  if (!isDeepStrictEqual({ ...base, ffn: null }, { ...block, ffn: null })) return undefined;
  if (before.kind !== 'moe' || after.kind !== 'moe')
    return isDeepStrictEqual(before, after) ? null : undefined;
  const experts = after.slots.map((position) => after.pool[position]!.origin.index);
  return isDeepStrictEqual(withoutExperts(before, experts), after) ? experts : undefined;
}

/** The layer with these experts alone. */
function withoutExperts(ffn: MoeFfn, experts: readonly number[]): MoeFfn {
  const some = (of: TensorExpr | null) => of && rows(of, experts);
  const { router } = ffn;
  return {
    ...ffn,
    router: {
      ...router,
      weight: rows(router.weight, experts),
      bias: some(router.bias),
      selectionBias: some(router.selectionBias),
    },
    pool: experts.map((expert) => ffn.pool[expert]!),
    slots: experts.map((_, position) => position),
  };
}

const refused = (view: Model, why: string): MoepressError =>
  new MoepressError('CONFIG_UNSUPPORTED', {
    message: `${why}: the blocks of its GGUF file cannot be kept.`,
    where: view.id,
    hint: 'Export it with another `type`, for which weights are quantised anew.',
  });
