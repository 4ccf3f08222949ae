import type { Graph, Value } from '@moepress/core';
import {
  add,
  cast,
  causalMask,
  concat,
  div,
  equal,
  exp,
  fold,
  matmul,
  mul,
  range,
  reduceSum,
  sizeOf,
  squeeze,
  sub,
  transpose,
  unsqueeze,
  zerosOf,
} from '@moepress/graph';
import { chunkLength } from '../../tokens/chunk-layout.js';

/**
 * The inputs of some tokens by head, [.., keyHeads, group or 1, C, dim]; queries are scaled, `decay` is the logarithm
 * g.
 */
export interface DeltaParts {
  /** [.., keyHeads, 1, C, keyDim] */
  readonly query: Value;
  readonly key: Value;
  /** [.., keyHeads, group, C, valueDim] */
  readonly value: Value;
  /** [.., keyHeads, group, C, 1] */
  readonly beta: Value;
  readonly decay: Value;
}

const flipped = (x: Value): Value =>
  transpose(x, [...x.shape.keys()].toSpliced(-2, 2, x.shape.length - 1, x.shape.length - 2));

/**
 * The outputs [G, B, keyHeads, group, C, valueDim] of parts [G, B, ..], and the state [B, keyHeads, group, keyDim, valueDim]
 * after all of them, from `state`. Within a chunk all tokens are computed together (Gated DeltaNet, arXiv 2412.06464,
 * section 3.3): with G the sums of g up to each token, Lᵢⱼ = βᵢ (kᵢ·kⱼ) exp(Gᵢ - Gⱼ) for j < i and U the changes they
 * make, (I + L) U = β (V - exp(G) K S). Computed in double precision: U is a difference of numbers that are nearly equal
 * where a token says what is known already, and the norm behind it makes small outputs as large as others.
 */
export function deltaRule(
  state: Value,
  parts: DeltaParts,
): { readonly output: Value; readonly state: Value } {
  const { query, key, value, beta, decay } = parts;
  const [places, masks] = masksOf(state.graph, cast(key, 'float64'));
  const { states, outputs } = fold(
    [cast(state, 'float64')],
    [query, key, value, beta, decay],
    ([before], part) => {
      const [q, k, v, b, g] = part.map((one) => cast(one, 'float64')) as [Value, Value, Value, Value, Value];
      const s = before!;
      const sums = matmul(places.upTo, g);
      const between = exp(add(sub(sums, flipped(sums)), places.unseen));
      const similar = mul(mul(mul(matmul(k, flipped(k)), b), between), places.before);
      const grown = exp(sums);
      const wanted = sub(mul(v, b), matmul(mul(k, mul(b, grown)), s));
      const changes = matmul(inverse(similar, places.own, masks), wanted);
      const output = add(matmul(mul(q, grown), s), matmul(mul(matmul(q, flipped(k)), between), changes));
      const total = reduceSum(g, [-2], true);
      const left = mul(k, exp(sub(total, sums)));
      return {
        states: [add(mul(s, exp(total)), matmul(flipped(left), changes))],
        outputs: [cast(output, state.dtype)],
      };
    },
  );
  return { output: outputs[0]!, state: cast(states[0]!, state.dtype) };
}

/** One token of each sequence: parts [B, keyHeads, group or 1, 1, dim], `state` as above. */
export function deltaRuleStep(
  state: Value,
  parts: DeltaParts,
): { readonly output: Value; readonly state: Value } {
  const { query, key, value, beta, decay } = parts;
  const kept = mul(state, exp(decay));
  const change = mul(sub(value, matmul(key, kept)), beta);
  const after = add(kept, mul(flipped(key), change));
  return { output: matmul(query, after), state: after };
}

interface Places {
  /** [C, C]: 1 on and below the diagonal, on it, and below it. */
  readonly upTo: Value;
  readonly own: Value;
  readonly before: Value;
  /** A very low number above the diagonal, else 0. */
  readonly unseen: Value;
}

/**
 * (I + L)⁻¹ of L [.., C, C], which is zero on and above the diagonal. The inverses of blocks along the diagonal become those
 * of blocks of twice the size: of [[A, 0], [B, D]] it is [[A⁻¹, 0], [-D⁻¹ B A⁻¹, D⁻¹]]. A power series would cancel.
 */
function inverse(lower: Value, own: Value, masks: readonly Value[]): Value {
  const [first, ...others] = masks as [Value, ...Value[]];
  return others.reduce(
    (known, mask) => {
      return sub(known, matmul(matmul(known, mul(lower, mask)), known));
    },
    sub(own, mul(lower, first)),
  );
}

/** Who sees whom in a chunk, and for each size of blocks 1, 2, 4, .. those that lie beside two along the diagonal. */
function masksOf(graph: Graph, key: Value): [Places, Value[]] {
  const length = squeeze(sizeOf(key, -2), 0);
  const number = (n: number) => graph.constant([n], [], 'int64');
  const at = range(graph, length, 'chunk');
  const [row, column] = [unsqueeze(at, 1), unsqueeze(at, 0)];
  const as = (condition: Value) => cast(condition, key.dtype);
  const own = as(equal(row, column));
  const sizes = concat([sizeOf(key, -2), sizeOf(key, -2)], 0);
  const unseen = causalMask(zerosOf(sizes, ['chunk', 'chunk'], key.dtype), null);
  const upTo = exp(unseen);
  const masks = Array.from({ length: Math.log2(chunkLength) }, (_, level) => {
    const size = number(2 ** level);
    const [above, left] = [div(row, size), div(column, size)];
    const pair = equal(div(above, number(2)), div(left, number(2)));
    const beside = equal(above, add(left, number(1)));
    return mul(as(pair), as(beside));
  });
  return [{ own, unseen, upTo, before: sub(upTo, own) }, masks];
}
