import type { Attention, Value } from '@moepress/core';
import { add, cast, matmul, mul, reshape, softmax, timesNumber, transpose, unsqueeze } from '@moepress/graph';
import { weightFor } from '../weights.js';
import { shareBesideSinks } from './differentiable.js';
import { headsOf, sinksOf, valueDimOf } from './heads.js';
import { type HeadOptions, projectHeads } from './projections.js';

/** What attention with caches knows besides the tokens' own hidden states. */
export interface CachedInputs extends HeadOptions {
  /** Keys and values of the tokens before these, [B, kvHeads, P, D] and [B, kvHeads, P, V]. */
  readonly past: { readonly key: Value; readonly value: Value };
  /** 0 where a token sees another, a very low number elsewhere, [B, 1, 1, S, P + S]. */
  readonly mask: Value;
  /** [T, n] as [B, S, n]. */
  readonly bySequence: (x: Value) => Value;
  /** Names the number P + S. */
  readonly total: string;
}

/**
 * x [T, H] to [T, H], S tokens of each of B sequences after P of each, in operators that every provider has. `present` are the
 * keys and values of all of them, [B, kvHeads, P + S, D] and [B, kvHeads, P + S, V], in the type of the past.
 */
export function cachedAttention(
  x: Value,
  spec: Attention,
  { past, mask, bySequence, total, ...options }: CachedInputs,
): { output: Value; present: { key: Value; value: Value } } {
  const { heads, kvHeads, headDim, scale } = spec;
  const [group, valueDim, sinks] = [heads / kvHeads, valueDimOf(spec), sinksOf(spec)];
  const { query, key, value, gate } = headsOf(x, spec, options);
  const byHead = (part: Value, sizes: readonly number[], order: readonly number[]) => {
    const all = bySequence(part);
    return transpose(reshape(all, [0, 0, ...sizes], [...all.shape.slice(0, 2), ...sizes]), order);
  };
  const withPast = (before: Value, part: Value, dim: number) => {
    const own = cast(byHead(part, [kvHeads, dim], [0, 2, 1, 3]), before.dtype);
    return x.graph.op('Concat', [before, own], {
      shape: before.shape.with(2, total),
      attributes: { axis: 2 },
    });
  };
  const present = {
    key: withPast(past.key, key, headDim),
    value: withPast(past.value, value, valueDim),
  };
  // [B, kvHeads, group, S, D] against [B, kvHeads, 1, D, P + S]: the heads of a group share keys and values.
  const queries = timesNumber(byHead(query, [kvHeads, group, headDim], [0, 2, 3, 1, 4]), scale);
  const keys = unsqueeze(transpose(cast(present.key, 'float32'), [0, 1, 3, 2]), 2);
  const scores = add(matmul(queries, keys), mask);
  const attended = matmul(softmax(scores), unsqueeze(cast(present.value, 'float32'), 2));
  const kept = sinks ? mul(attended, shareBesideSinks(scores, weightFor(x, sinks))) : attended;
  const width = heads * valueDim;
  const packed = reshape(transpose(kept, [0, 3, 1, 2, 4]), [-1, width], ['T', width]);
  return { output: projectHeads(packed, gate, spec.o), present };
}
