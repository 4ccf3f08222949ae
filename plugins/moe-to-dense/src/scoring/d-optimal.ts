/** A set of experts, in the order they were chosen, and log det(K[S, S] + lambda I). */
export interface DOptimalSet {
  readonly selected: readonly number[];
  readonly logDeterminant: number;
}

/**
 * Greedy D-optimal choice of `count` of n candidates: in each step the one that raises log det(K[S, S] + lambda I)
 * most, of equal ones the first. K is positive semidefinite, n x n row-major. A column of the Cholesky factor is
 * added a step, so that all steps together take n count^2 operations: the gain of a candidate is the logarithm of
 * what the chosen ones leave of its diagonal (pivoted Cholesky).
 */
export function selectDOptimal(kernel: Float64Array, n: number, count: number, lambda: number): DOptimalSet {
  const rest = Float64Array.from({ length: n }, (_, e) => kernel[e * n + e]! + lambda);
  const columns: Float64Array[] = [];
  const selected: number[] = [];
  let logDeterminant = 0;
  for (let step = 0; step < count; step++) {
    const best = highestOf(rest, selected);
    const pivot = rest[best]!;
    logDeterminant += Math.log(pivot);
    selected.push(best);
    const column = Float64Array.from({ length: n }, (_, e) => {
      const known = columns.reduce((sum, earlier) => sum + earlier[best]! * earlier[e]!, 0);
      // A pivot of 0, without lambda, belongs to a candidate that the chosen ones span.
      return pivot > 0 ? (kernel[best * n + e]! - known) / Math.sqrt(pivot) : 0;
    });
    columns.push(column);
    for (let e = 0; e < n; e++) rest[e]! -= column[e]! ** 2;
  }
  return { selected, logDeterminant };
}

function highestOf(values: Float64Array, without: readonly number[]): number {
  const gone = new Set(without);
  let best = -1;
  for (const [i, value] of values.entries()) {
    if (!gone.has(i) && (best < 0 || value > values[best]!)) best = i;
  }
  return best;
}

/**
 * The kernel of DO-ACP, sqrt(I_i) sqrt(I_j) G_ij for scores I and the Gram matrix G of the experts' outputs
 * (arXiv:2605.28207): its determinant is large for experts that matter and do different things.
 */
export function scoredKernel(scores: Float64Array, gram: Float64Array): Float64Array {
  const n = scores.length;
  const roots = scores.map(Math.sqrt);
  return gram.map((product, at) => roots[Math.floor(at / n)]! * roots[at % n]! * product);
}

/** Mean of the diagonal of an n x n matrix. */
export function meanDiagonal(matrix: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += matrix[i * n + i]!;
  return sum / n;
}
