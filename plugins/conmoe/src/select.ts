const epsilon = 1e-8;

/** The score that prototypes are chosen by: that of the paper, or the contribution alone, as in REAP. */
export type Selection = 'score' | 'reap';

/** b_e: distance to the nearest other expert; large where nothing can replace e. 0 for a lone expert. */
export function replaceabilityOf(distances: Float64Array, n: number): Float64Array {
  if (n === 1) return new Float64Array(1);
  return Float64Array.from({ length: n }, (_, e) => {
    let nearest = Number.POSITIVE_INFINITY;
    for (let other = 0; other < n; other++) {
      if (other !== e) nearest = Math.min(nearest, distances[e * n + other]!);
    }
    return nearest;
  });
}

/** (x - min) / (max - min + epsilon). */
export function minMax(values: Float64Array): Float64Array {
  const min = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const max = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return values.map((value) => (value - min) / (max - min + epsilon));
}

/**
 * How much each expert deserves to be a prototype. `score` is minMax(contribution) * minMax(replaceability)
 * (arXiv:2605.29350): the expert lowest in either gets exactly 0. `reap` is the contribution.
 */
export function scoresOf(
  contribution: Float64Array,
  replaceability: Float64Array,
  selection: Selection,
): Float64Array {
  if (selection === 'reap') return contribution;
  const b = minMax(replaceability);
  return minMax(contribution).map((a, e) => a * b[e]!);
}
