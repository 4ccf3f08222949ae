/** Share of the mean diagonal that is added to the diagonal: experts that always say the same share their weight. */
const ridge = 1e-10;

/** Solves A x = b for a symmetric matrix without negative eigenvalues, by Cholesky's factors. */
export function solvePositive(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const n = right.length;
  const mean = matrix.reduce((sum, row, i) => sum + row[i]!, 0) / n;
  if (!(mean > 0)) return right.map(() => 0);
  const lower = matrix.map(() => new Float64Array(n));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = matrix[i]![j]! + (i === j ? ridge * mean : 0);
      for (let k = 0; k < j; k++) rest -= lower[i]![k]! * lower[j]![k]!;
      // Rounding may cancel the ridge.
      lower[i]![j] = i === j ? Math.sqrt(Math.max(rest, ridge * mean)) : rest / lower[j]![j]!;
    }
  }
  const x = [...right];
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= lower[i]![k]! * x[k]!;
    x[i]! /= lower[i]![i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= lower[k]![i]! * x[k]!;
    x[i]! /= lower[i]![i]!;
  }
  return x;
}
