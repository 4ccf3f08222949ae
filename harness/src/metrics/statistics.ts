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
  const centre = mean(values);
  const squares = values.map((value) => (value - centre) * (value - centre));
  return Math.sqrt(sum(squares) / (values.length - 1)) / Math.sqrt(values.length);
}

/** Index of the largest value; the first of equals. */
export function argmax(values: readonly number[]): number {
  return values.reduce((best, value, index) => (value > values[best]! ? index : best), 0);
}
