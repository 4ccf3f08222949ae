import type { ExpertStatistic, ExpertTaps, Value } from '@moepress/core';
import {
  cast,
  columnSums,
  concat,
  mul,
  reduceMax,
  reduceSum,
  rowPerExpert,
  square,
  unsqueeze,
} from '@moepress/graph';

/**
 * `sum` and `max` [pool, I]: ||w_down||_2^2 (g a)^2 of each channel, summed over the tokens routed to its expert, and of the token
 * where it is largest. In the layers `weighsInput` the routing weight g is part of the activation already.
 */
export const channelEnergies = (weighsInput: ReadonlySet<number>): ExpertStatistic => ({
  name: 'channel-energies',
  version: 1,
  pass: 'forward',
  maxima: ['max'],
  collect: (_, taps) => {
    const isInput = weighsInput.has(taps.layer);
    const energies = taps.experts.map((expert) => square(contributions(expert, isInput)));
    const lengths = taps.experts.map(({ down }) => reduceSum(square(cast(down, 'float64')), [0]));
    return {
      sum: rowPerExpert(taps, (_expert, e) => mul(columnSums(energies[e]!), lengths[e]!)),
      max: rowPerExpert(taps, (_expert, e) => mul(largestRow(energies[e]!), lengths[e]!)),
    };
  },
});

/** g a of [n, I], or a. */
const contributions = ({ activation, weight }: ExpertTaps, isInput: boolean): Value =>
  isInput ? activation : mul(activation, unsqueeze(weight, 1));

/** The largest of each column of [n, I], none of which is below 0; 0 where there is no row: float64 [I]. */
function largestRow(values: Value): Value {
  const width = Number(values.shape[1]);
  const zeros = values.graph.constant(new Array<number>(width).fill(0), [1, width], values.dtype);
  return cast(reduceMax(concat([values, zeros], 0), [0]), 'float64');
}
