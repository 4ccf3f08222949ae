import type { Dim, Graph, Value } from '@moepress/core';
import {
  add,
  cast,
  causalMask,
  concat,
  div,
  equal,
  exp,
  matmul,
  mul,
  range,
  reduceSum,
  squeeze,
  sub,
  transposeLast,
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

/**
 * The outputs [B, keyHeads, group, C, valueDim] of the tokens of a chunk, and the state [B, keyHeads, group, keyDim, valueDim]
 * after them, from `state`. All tokens are computed together (Gated DeltaNet, arXiv 2412.06464, section 3.3): with G the
 * sums of g up to each token, Lᵢⱼ = βᵢ (kᵢ·kⱼ) exp(Gᵢ - Gⱼ) for j < i and U the changes they make,
 * (I + L) U = β (V - exp(G) K S). Computed in the precision of the state, but for the sums: those of neighbours are large
 * numbers with a small difference.
 */
export function deltaChunk(
  state: Value,
  parts: DeltaParts,
  { upTo, ...places }: Places,
): { readonly output: Value; readonly state: Value } {
  const as = (x: Value) => cast(x, state.dtype);
  const [query, key, value, beta] = [as(parts.query), as(parts.key), as(parts.value), as(parts.beta)];
  const [own, before, pairs] = [as(places.own), as(places.before), places.pairs.map(as)];
  const decay = cast(parts.decay, 'float64');
  const sums = matmul(upTo, decay);
  const exponential = (logarithms: Value) => exp(as(logarithms));
  const products = decayingProducts(key, sums, { unseen: places.unseen, exponential });
  const similar = mul(mul(products(key), beta), before);
  const grown = exponential(sums);
  const wanted = mul(sub(value, matmul(mul(key, grown), state)), beta);
  const changes = matmul(inverse(similar, own, pairs), wanted);
  const output = add(matmul(mul(query, grown), state), matmul(products(query), changes));
  const total = reduceSum(decay, [-2], true);
  const left = mul(key, exponential(sub(total, sums)));
  const after = add(mul(state, transposeLast(exponential(total))), matmul(transposeLast(left), changes));
  return { output: cast(output, parts.value.dtype), state: after };
}

/**
 * Products aᵢ·kⱼ of rows a with keys [.., C, keyDim], decayed by exp(Gᵢ - Gⱼ) between the tokens, [.., C, C]. With sums G of
 * each channel every channel of a product decays by itself (Kimi Linear, arXiv 2510.26692, section 3.2); what is
 * multiplied is at most as large as it is then, where exp(-Gⱼ) alone would be beyond any number.
 */
function decayingProducts(
  key: Value,
  sums: Value,
  { unseen, exponential }: Pick<Places, 'unseen'> & { readonly exponential: (logarithms: Value) => Value },
): (rows: Value) => Value {
  if (sums.shape.at(-1) === 1) {
    const between = exponential(add(sub(sums, transposeLast(sums)), unseen));
    const keys = transposeLast(key);
    return (rows) => mul(matmul(rows, keys), between);
  }
  const between = exponential(add(sub(unsqueeze(sums, -2), unsqueeze(sums, -3)), unsqueeze(unseen, -1)));
  const decayed = mul(between, unsqueeze(key, -3));
  return (rows) => squeeze(matmul(decayed, unsqueeze(rows, -1)), -1);
}

/** One token of each sequence: parts [B, keyHeads, group or 1, 1, dim], `state` as above. */
export function deltaRuleStep(
  state: Value,
  parts: DeltaParts,
): { readonly output: Value; readonly state: Value } {
  const { query, key, value, beta, decay } = parts;
  const kept = mul(state, transposeLast(exp(decay)));
  const change = mul(sub(value, matmul(key, kept)), beta);
  const after = add(kept, mul(transposeLast(key), change));
  return { output: matmul(query, after), state: after };
}

/** Who sees whom in a chunk of C tokens, [C, C] each in double precision. */
export interface Places {
  /** 1 on and below the diagonal, on it, and below it. */
  readonly upTo: Value;
  readonly own: Value;
  readonly before: Value;
  /** A very low number above the diagonal, else 0. */
  readonly unseen: Value;
  /** For each size of blocks 1, 2, 4, .. those that lie beside two along the diagonal. */
  readonly pairs: readonly Value[];
}

/**
 * (I + L)⁻¹ of L [.., C, C], which is zero on and above the diagonal. The inverses of blocks along the diagonal become those
 * of blocks of twice the size: of [[A, 0], [B, D]] it is [[A⁻¹, 0], [-D⁻¹ B A⁻¹, D⁻¹]]. A power series would cancel.
 */
function inverse(lower: Value, own: Value, pairs: readonly Value[]): Value {
  const [first, ...others] = pairs as [Value, ...Value[]];
  return others.reduce(
    (known, mask) => {
      return sub(known, matmul(matmul(known, mul(lower, mask)), known));
    },
    sub(own, mul(lower, first)),
  );
}

/** Those of a chunk of as many tokens as `length` says, int64 [1]. */
export function placesOf(graph: Graph, length: Value, axis: Dim): Places {
  const number = (n: number) => graph.constant([n], [], 'int64');
  const at = range(graph, squeeze(length, 0), axis);
  const [row, column] = [unsqueeze(at, 1), unsqueeze(at, 0)];
  const as = (condition: Value) => cast(condition, 'float64');
  const own = as(equal(row, column));
  const square = zerosOf(concat([length, length], 0), [axis, axis], 'float64');
  const unseen = causalMask(square, null);
  const upTo = exp(unseen);
  const pairs = Array.from({ length: Math.log2(chunkLength) }, (_, level) => {
    const size = number(2 ** level);
    const [above, left] = [div(row, size), div(column, size)];
    const pair = equal(div(above, number(2)), div(left, number(2)));
    const beside = equal(above, add(left, number(1)));
    return mul(as(pair), as(beside));
  });
  return { own, unseen, upTo, before: sub(upTo, own), pairs };
}
