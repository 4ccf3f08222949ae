import type { Value } from '@moepress/core';
import {
  add,
  cast,
  causalMask,
  concat,
  exp,
  fold,
  matmul,
  mul,
  reduceSum,
  sizeOf,
  sub,
  transposeLast,
  zerosOf,
} from '@moepress/graph';

/**
 * What a linear recurrence takes of some tokens by head, [.., groups, heads of a group or 1, C, dim]; `decay` is the
 * logarithm of what a token leaves of the state.
 */
export interface ScanParts {
  /** [.., groups, 1, C, stateDim] */
  readonly query: Value;
  readonly key: Value;
  /** [.., groups, heads of a group, C, headDim] */
  readonly value: Value;
  /** [.., groups, heads of a group, C, 1] */
  readonly decay: Value;
}

/**
 * S = exp(g) S + k vᵀ and o = Sᵀ q for each token of parts [G, B, ..]: the outputs [G, B, groups, heads of a group, C,
 * headDim] and the state [B, groups, heads of a group, stateDim, headDim] after all of them, from `state`. Within a chunk
 * all tokens are computed together (Mamba-2, arXiv 2405.21060, section 6): with G the sums of g up to each token,
 * o = exp(G) q S + (q kᵀ * exp(Gᵢ - Gⱼ)) v, where a token sees itself and those before it. The sums are made in double
 * precision, since of two large ones only the difference counts.
 */
export function scan(state: Value, parts: ScanParts): { readonly output: Value; readonly state: Value } {
  const { query, key, value, decay } = parts;
  const { upTo, unseen } = placesOf(key);
  const { states, outputs } = fold([state], [query, key, value, decay], ([before], part) => {
    const [q, k, v, g] = part as [Value, Value, Value, Value];
    const s = before!;
    const exact = cast(g, 'float64');
    const sums = matmul(upTo, exact);
    const total = reduceSum(exact, [-2], true);
    const weights = (logarithms: Value) => exp(cast(logarithms, state.dtype));
    const between = weights(add(sub(sums, transposeLast(sums)), unseen));
    const own = matmul(mul(matmul(q, transposeLast(k)), between), v);
    const earlier = matmul(mul(q, weights(sums)), s);
    const left = mul(k, weights(sub(total, sums)));
    return {
      states: [add(mul(s, weights(total)), matmul(transposeLast(left), v))],
      outputs: [add(earlier, own)],
    };
  });
  return { output: outputs[0]!, state: states[0]! };
}

/** One token of each sequence: parts [B, groups, heads of a group or 1, 1, dim], `state` as above. */
export function scanStep(
  state: Value,
  { query, key, value, decay }: ScanParts,
): { readonly output: Value; readonly state: Value } {
  const after = add(mul(state, exp(decay)), matmul(transposeLast(key), value));
  return { output: matmul(query, after), state: after };
}

/** For a chunk of as many tokens as `key` has: [C, C], 1 on and below the diagonal; and a very low number above it, else 0. */
function placesOf(key: Value): { readonly upTo: Value; readonly unseen: Value } {
  const sizes = concat([sizeOf(key, -2), sizeOf(key, -2)], 0);
  const unseen = causalMask(zerosOf(sizes, ['chunk', 'chunk'], 'float64'), null);
  return { upTo: exp(unseen), unseen };
}
