/**
 * The experts of a run in the order in which they leave: those with low scores first, and of equal ones those with higher
 * indices. Those of `kept` never do.
 */
export function leaving(
  run: readonly number[],
  scores: Float64Array,
  kept: ReadonlySet<number>,
): readonly number[] {
  return run.filter((expert) => !kept.has(expert)).sort((a, b) => scores[a]! - scores[b]! || b - a);
}
