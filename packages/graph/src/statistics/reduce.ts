import type { ExpertTaps, LayerTaps, Value } from '@moepress/core';
import { join, padEnd, unsqueeze } from '../ops/layout.js';
import { cast } from '../ops/math.js';
import { reduceSum } from '../ops/reduce.js';

/** One double per expert of the pool, float64 [pool]; `measure` yields one number, [1]. */
export function perExpert(taps: LayerTaps, measure: (expert: ExpertTaps) => Value): Value {
  return join(
    taps.experts.map((expert) => cast(measure(expert), 'float64')),
    0,
  );
}

/** Added up in double precision: over millions of tokens the small ones must not be lost. */
export function sumOverTokens(values: Value): Value {
  return unsqueeze(reduceSum(cast(values, 'float64'), [0]), 0);
}

/**
 * One row of doubles per expert of the pool, float64 [pool, n]; `measure` yields [n]. Where experts differ in
 * width, the rows of the narrower ones end in zeros.
 */
export function rowPerExpert(taps: LayerTaps, measure: (expert: ExpertTaps, index: number) => Value): Value {
  const rows = taps.experts.map((expert, e) => cast(measure(expert, e), 'float64'));
  const longest = Math.max(...rows.map(({ shape }) => Number(shape[0])));
  return join(
    rows.map((row) => unsqueeze(padEnd(row, 0, longest), 0)),
    0,
  );
}

/** Sums of the columns of [n, m] in double precision, [m]. */
export function columnSums(values: Value): Value {
  return reduceSum(cast(values, 'float64'), [0]);
}
