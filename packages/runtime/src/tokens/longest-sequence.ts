import { type Model, MoepressError } from '@moepress/core';
import type { DeviceTraits } from '../devices/traits.js';

/**
 * The tokens up to which sequences can be computed on a device; null: any number. Up to as many as an indexer chooses it
 * chooses all. Beyond that its choice is computed where attention is over trees, but not in layers that share that of
 * another layer.
 */
export function mostTokens(
  { blocks }: Pick<Model, 'blocks'>,
  attention: DeviceTraits['attention'],
): number | null {
  const bounds = blocks.flatMap(({ attention: own }) => {
    const indexer = own.kind === 'mla' ? own.indexer : undefined;
    return indexer && (indexer.kind === 'shared' || attention === 'padded') ? [indexer.topK] : [];
  });
  return bounds.length > 0 ? Math.min(...bounds) : null;
}

/** Throws `INPUT_INVALID` for sequences that cannot be computed on a device. `lengths` are their tokens. */
export function refuseLonger(
  model: Pick<Model, 'blocks' | 'id'>,
  attention: DeviceTraits['attention'],
  lengths: Iterable<number>,
): void {
  const most = mostTokens(model, attention);
  if (most === null) return;
  for (const length of lengths) {
    if (length <= most) continue;
    throw new MoepressError('INPUT_INVALID', {
      message: `A sequence has ${length} tokens, and of more than ${most} this model attends to ${most} that its indexers choose, which is not implemented ${attention === 'padded' ? 'on this device' : 'for layers that share the indexer of another layer'}.`,
      where: model.id,
      hint:
        attention === 'padded' && mostTokens(model, 'tree') === null
          ? `Use the device cpu, or sequences of at most ${most} tokens.`
          : `Use sequences of at most ${most} tokens, what is generated included.`,
    });
  }
}
