import { PythonRandom } from '../python/random.js';
import { sampleDeviation } from './statistics.js';

/** Resamples that draw from one generator, which is seeded with their place. */
const chunk = 1000;

/**
 * The standard error of a statistic by the bootstrap: its standard deviation over samples of the same size drawn with
 * replacement. As `bootstrap_stderr` of lm-evaluation-harness 0.4.13 (api/metrics.py) draws them: `random.choices`, with
 * a generator of seed i for the i-th thousand. `statistic` is given the indices of the items drawn.
 */
export function bootstrapStderr(
  statistic: (drawn: Uint32Array) => number,
  size: number,
  resamples: number,
): number {
  const each = Math.min(chunk, resamples);
  const values: number[] = [];
  const drawn = new Uint32Array(size);
  for (let seed = 0; seed < Math.floor(resamples / each); seed++) {
    const random = new PythonRandom(seed);
    for (let i = 0; i < each; i++) {
      for (let at = 0; at < size; at++) drawn[at] = Math.floor(random.random() * size);
      values.push(statistic(drawn));
    }
  }
  return sampleDeviation(values);
}
