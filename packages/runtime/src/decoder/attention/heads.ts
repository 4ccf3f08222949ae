import type { Attention, TensorExpr, Value } from '@moepress/core';
import { groupedHeads } from './grouped.js';
import { latentHeads } from './latent.js';
import type { Asking, Heads, Turn } from './projections.js';

/** Keys and values of x [T, H], and queries of all or of some of its rows. */
export function headsOf(
  x: Value,
  spec: Attention,
  turn: Turn,
  epsilon: number,
  asking: Asking = { x, turn },
): Heads {
  return spec.kind === 'mla'
    ? latentHeads(x, spec, turn, asking)
    : groupedHeads(x, spec, turn, epsilon, asking);
}

/** Dimensions of a head's values. */
export const valueDimOf = (spec: Attention): number => (spec.kind === 'mla' ? spec.valueDim : spec.headDim);

/** What a token may look at, and what else takes part in its softmax. */
export function reachOf(spec: Attention): { window: number | null; sinks: TensorExpr | null } {
  return spec.kind === 'mla' ? { window: null, sinks: null } : spec;
}

/** Dimensions of a head in padded attention and its key-value cache, which know one size for keys and values. */
export const paddedDimOf = (spec: Attention): number => Math.max(spec.headDim, valueDimOf(spec));
