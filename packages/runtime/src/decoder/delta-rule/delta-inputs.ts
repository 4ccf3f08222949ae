import type { GatedDeltaRule, Linear, Value } from '@moepress/core';
import {
  add,
  concat,
  exp,
  mul,
  neg,
  plusNumber,
  reciprocal,
  reduceSum,
  reshape,
  sigmoid,
  slice,
  sqrt,
  square,
  timesNumber,
} from '@moepress/graph';
import { softplus } from '../activation.js';
import { project, viewAs } from '../attention/projections.js';
import { weightFor } from '../weights.js';
import type { DeltaParts } from './recurrence.js';

/** Added to the square of the length of queries and keys, as in Qwen's code. */
const lengthEpsilon = 1e-6;

/** What the projections make of x [T, H]. */
export interface Projected {
  /** Queries, keys, values and z as the weights have them: in one piece, or z apart, or all of them. */
  readonly wide: readonly Value[];
  /** [T, keyHeads, group, 1] */
  readonly beta: Value;
  /** The same; with a decay for each channel [T, keyHeads, 1, keyDim]. */
  readonly decay: Value;
}

export function projected(x: Value, spec: GatedDeltaRule): Projected {
  const { input, keyHeads, valueHeads } = spec;
  if (input.layout === 'channelwise') {
    const { q, k, v, b, zDown, zUp, aDown, aUp } = input;
    const through = (down: Linear, up: Linear) => project(project(x, down), up);
    return {
      wide: [project(x, q), project(x, k), project(x, v), through(zDown, zUp)],
      ...gatesOf(project(x, b), through(aDown, aUp), spec),
    };
  }
  if (input.layout === 'separate') {
    const { qkv, z, b, a } = input;
    return { wide: [project(x, qkv), project(x, z)], ...gatesOf(project(x, b), project(x, a), spec) };
  }
  const group = valueHeads / keyHeads;
  const ba = viewAs(project(x, input.ba), [keyHeads, 2 * group]);
  const own = (from: number) => viewAs(slice(ba, 2, from, from + group), [valueHeads]);
  return { wide: [project(x, input.qkvz)], ...gatesOf(own(0), own(group), spec) };
}

/** beta = sigmoid(b), and the logarithm of the decay, -exp(decay) softplus(a + decayBias). */
function gatesOf(
  b: Value,
  a: Value,
  { keyHeads, valueHeads, decay, decayBias }: GatedDeltaRule,
): Pick<Projected, 'beta' | 'decay'> {
  const group = valueHeads / keyHeads;
  // One for each value head, or for each channel of the keys of a head.
  const decays = Number(a.shape[1]) / valueHeads;
  const slopes = reshape(weightFor(a, decay), [keyHeads, group, 1]);
  const shifted = viewAs(softplus(add(a, weightFor(a, decayBias))), [keyHeads, group, decays]);
  return { beta: viewAs(sigmoid(b), [keyHeads, group, 1]), decay: neg(mul(exp(slopes), shifted)) };
}

/** What goes into the convolution [N, channels], and z [N, valueHeads * valueDim], of N rows of what is `wide`. */
export function laidOut(
  wide: readonly Value[],
  { keyHeads, valueHeads, keyDim, valueDim }: GatedDeltaRule,
): { readonly qkv: Value; readonly z: Value } {
  const first = wide[0]!;
  if (wide.length > 1) return { qkv: concat(wide.slice(0, -1), 1), z: wide.at(-1)! };
  const values = (valueHeads / keyHeads) * valueDim;
  const all = viewAs(first, [keyHeads, 2 * keyDim + 2 * values]);
  const of = (from: number, size: number) => viewAs(slice(all, 2, from, from + size), [keyHeads * size]);
  return {
    qkv: concat([of(0, keyDim), of(keyDim, keyDim), of(2 * keyDim, values)], 1),
    z: of(2 * keyDim + values, values),
  };
}

/** Convolved queries, keys and values [N, channels] by head, [N, keyHeads, group or 1, dim]. */
export function headsOf(
  mixed: Value,
  { keyHeads, valueHeads, keyDim, valueDim }: GatedDeltaRule,
): Pick<DeltaParts, 'query' | 'key' | 'value'> {
  const width = keyHeads * keyDim;
  const unit = (from: number) =>
    ofLengthOne(viewAs(slice(mixed, 1, from, from + width), [keyHeads, 1, keyDim]));
  const value = slice(mixed, 1, 2 * width, Number(mixed.shape[1]));
  return {
    query: timesNumber(unit(0), keyDim ** -0.5),
    key: unit(width),
    value: viewAs(value, [keyHeads, valueHeads / keyHeads, valueDim]),
  };
}

/** x [.., n], each row divided by its length. */
const ofLengthOne = (x: Value): Value =>
  mul(x, reciprocal(sqrt(plusNumber(reduceSum(square(x), [-1], true), lengthEpsilon))));
