import { createRng } from '@moepress/core';
import { mean } from '../metrics/statistics.js';

export interface BootstrapOptions {
  readonly seed: number;
  readonly resamples: number;
}

export interface BootstrapInterval {
  /** The middle 95 % of the resampled means. */
  readonly low: number;
  readonly high: number;
  /** Two-sided: how rarely a resampled mean is on the other side of zero. */
  readonly p: number;
}

/**
 * Percentile bootstrap of a mean difference over items (Efron and Tibshirani, 1993, chapter 13): items are
 * drawn with replacement, each with both models' scores. `differences` holds one number an item, at least
 * one. Where few items tell the models apart it covers too little: see `scoreInterval`. p counts the result itself as a resample (Davison and Hinkley, 1997, section 4.2), so that it is
 * never zero.
 */
export function pairedBootstrap(
  differences: readonly number[],
  { seed, resamples }: BootstrapOptions,
): BootstrapInterval {
  const rng = createRng(seed);
  const n = differences.length;
  const resampled = () => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += differences[Math.floor(rng.next() * n)]!;
    return sum / n;
  };
  const means = Float64Array.from({ length: resamples }, resampled).sort();
  const beyond = means.filter((value) => (mean(differences) > 0 ? value <= 0 : value >= 0)).length;
  return {
    low: quantile(means, 0.025),
    high: quantile(means, 0.975),
    p: Math.min(1, (2 * (beyond + 1)) / (resamples + 1)),
  };
}

/** Linear between neighbours, as NumPy's default. */
function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (position - below) * (sorted[above]! - sorted[below]!);
}
