/** Left to right, as Python's `sum` up to 3.11: the order decides the last bits. */
export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

/** Standard error of the mean with n - 1 in the sample variance; null for fewer than two values. */
export function meanStderr(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  return sampleDeviation(values) / Math.sqrt(values.length);
}

/** Standard deviation with n - 1. */
export function sampleDeviation(values: readonly number[]): number {
  const centre = mean(values);
  const squares = values.map((value) => (value - centre) * (value - centre));
  return Math.sqrt(sum(squares) / (values.length - 1));
}

/** Mean over groups of different size as if their members were one group. */
export function weightedMean(means: readonly number[], sizes: readonly number[]): number {
  return sum(means.map((mean, i) => mean * sizes[i]!)) / sum(sizes);
}

/**
 * Standard error of that mean, from the pooled variance of the groups. As in lm-evaluation-harness: the
 * differences between the groups' means do not count.
 */
export function pooledStderr(stderrs: readonly number[], sizes: readonly number[]): number {
  const squares = stderrs.map((stderr, i) => (sizes[i]! - 1) * stderr ** 2 * sizes[i]!);
  const total = sum(sizes);
  return Math.sqrt(sum(squares) / (total - sizes.length) / total);
}

/** Index of the largest value; the first of equals. */
export function argmax(values: readonly number[]): number {
  return values.reduce((best, value, index) => (value > values[best]! ? index : best), 0);
}

/** Standard error of the plain mean of groups, whatever their sizes: `unweighted_mean_stderr` of lm-evaluation-harness. */
export function unweightedStderr(stderrs: readonly number[]): number {
  return Math.sqrt(sum(stderrs.map((stderr) => stderr ** 2))) / stderrs.length;
}
