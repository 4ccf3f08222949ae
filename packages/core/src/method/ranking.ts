/** Indices of the `count` highest values, ascending; of equal values the lower index counts as higher. */
export function topIndices(values: ArrayLike<number>, count: number): number[] {
  return Array.from({ length: values.length }, (_, i) => i)
    .sort((a, b) => values[b]! - values[a]! || a - b)
    .slice(0, count)
    .sort((a, b) => a - b);
}

/** Divides each sum by its count; an item with count 0 gets `empty` (0 by default). */
export function means(sums: Float64Array, counts: Float64Array, empty = 0): Float64Array {
  return sums.map((sum, i) => (counts[i]! > 0 ? sum / counts[i]! : empty));
}

/** Minimum, median and maximum; the median of an even number of values is the mean of the middle two. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** The spread of at least one value. */
export function spreadOf(values: Iterable<number>): Spread {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
  return { min: sorted[0]!, median, max: sorted.at(-1)! };
}
