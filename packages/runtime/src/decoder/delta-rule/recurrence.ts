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
  /** The same, or [.., keyHeads, 1, C, keyDim]: for each channel of the keys. */
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
      const products = decayingProducts(k, sums, places);
      const similar = mul(mul(products(k), b), places.before);
      const grown = exp(sums);
      const wanted = sub(mul(v, b), matmul(mul(k, mul(b, grown)), s));
      const changes = matmul(inverse(similar, places.own, masks), wanted);
      const output = add(matmul(mul(q, grown), s), matmul(products(q), changes));
      const total = reduceSum(g, [-2], true);
      const left = mul(k, exp(sub(total, sums)));
      return {
        states: [add(mul(s, flipped(exp(total))), matmul(flipped(left), changes))],
        outputs: [cast(output, state.dtype)],
      };
    },
  );
  return { output: outputs[0]!, state: cast(states[0]!, state.dtype) };
}

/**
 * Products aᵢ·kⱼ of rows a with keys [.., C, keyDim], decayed by exp(Gᵢ - Gⱼ) between the tokens, [.., C, C]. With sums G of
 * each channel every channel of a product decays by itself (Kimi Linear, arXiv 2510.26692, section 3.2); what is
 * multiplied is at most as large as it is then, where exp(-Gⱼ) alone would be beyond any number.
 */
function decayingProducts(key: Value, sums: Value, { unseen }: Places): (rows: Value) => Value {
  if (sums.shape.at(-1) === 1) {
    const between = exp(add(sub(sums, flipped(sums)), unseen));
    return (rows) => mul(matmul(rows, flipped(key)), between);
  }
  const between = exp(add(sub(unsqueeze(sums, -2), unsqueeze(sums, -3)), unsqueeze(unseen, -1)));
  const decayed = mul(between, unsqueeze(key, -3));
  return (rows) => squeeze(matmul(decayed, unsqueeze(rows, -1)), -1);
}

/** One token of each sequence: parts [B, keyHeads, group or 1, 1, dim], `state` as above. */
export function deltaRuleStep(
  state: Value,
  parts: DeltaParts,
): { readonly output: Value; readonly state: Value } {
  const { query, key, value, beta, decay } = parts;
  const kept = mul(state, flipped(exp(decay)));
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
  const axis = key.shape.at(-2)!;
  const at = range(graph, length, axis);
  const [row, column] = [unsqueeze(at, 1), unsqueeze(at, 0)];
  const as = (condition: Value) => cast(condition, key.dtype);
  const own = as(equal(row, column));
  const sizes = concat([sizeOf(key, -2), sizeOf(key, -2)], 0);
  const unseen = causalMask(zerosOf(sizes, [axis, axis], key.dtype), null);
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
