import type { Attention, TensorExpr, Value } from '@moepress/core';
import { builderOf, cast, gather, mul } from '@moepress/graph';
import { groupedHeads } from './grouped.js';
import { latentHeads } from './latent.js';
import type { HeadOptions, Heads } from './projections.js';
import { valueDimOf } from './value-dim.js';

/** Keys and values of x [T, H], and queries of all or of some of its rows. */
export function headsOf(x: Value, spec: Attention, options: HeadOptions): Heads {
  const heads = spec.kind === 'mla' ? latentHeads(x, spec, options) : groupedHeads(x, spec, options);
  if (!spec.queryScaling) return heads;
  const { queryFactors = builderOf(x.graph).input('queryFactors', 'float32', ['T', 1]) } = options;
  const factors = cast(queryFactors, x.dtype);
  const rows = options.asking?.rows;
  return { ...heads, query: mul(heads.query, rows ? gather(factors, rows) : factors) };
}

/** The additional logits of the softmax of a head, if there are any. */
export const sinksOf = (spec: Attention): TensorExpr | null => (spec.kind === 'gqa' ? spec.sinks : null);

/** Dimensions of a head in padded attention and its key-value cache, which know one size for keys and values. */
export const paddedDimOf = (spec: Attention): number => Math.max(spec.headDim, valueDimOf(spec));
