import type { ExpertTaps, LayerTaps, Value } from '@moepress/core';
import { cast } from '../ops/math.js';
import { reduceSum } from '../ops/reduce.js';
import { concat, padEnd, reshape } from '../ops/shape.js';

/** One double per expert of the pool, float64 [pool]; `measure` yields one number, [1]. */
export function perExpert(taps: LayerTaps, measure: (expert: ExpertTaps) => Value): Value {
  return cast(concat(taps.experts.map(measure), 0), 'float64');
}

/** Added up in double precision: over millions of tokens, small terms would be lost otherwise. */
export function sumOverTokens(values: Value): Value {
  return reduceSum(cast(values, 'float64'), [0], true);
}

/**
 * One row of doubles per expert of the pool, float64 [pool, n]; `measure` yields [n]. Where experts differ in
 * width, the rows of the narrower ones end in zeros.
 */
export function rowPerExpert(taps: LayerTaps, measure: (expert: ExpertTaps, index: number) => Value): Value {
  // Concatenated first and then split: separate sums would add a few nodes per expert, and the session would take
  // seconds to open.
  const rows = taps.experts.map(measure);
  const longest = Math.max(...rows.map(({ shape }) => Number(shape[0])));
  const all = concat(
    rows.map((row) => padEnd(row, 0, longest)),
    0,
  );
  return cast(reshape(all, [rows.length, longest]), 'float64');
}

/** Sums of the columns of [n, m] in double precision, [m]. */
export function columnSums(values: Value): Value {
  return reduceSum(cast(values, 'float64'), [0]);
}
