import type { Dim, Value } from '@moepress/core';

/** Shape of an elementwise result; where sizes differ, a number wins over a name and both over 1. */
export function broadcast(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[a.length - rank + i] ?? 1, b[b.length - rank + i] ?? 1];
    if (x === 1) return y;
    return y === 1 || typeof x === 'number' ? x : y;
  });
}

/** Axis counted from the front. */
export function frontAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Sizes or axes as an int64 vector. */
export function intVector(value: Value, numbers: readonly number[]): Value {
  return value.graph.constant(numbers, [numbers.length], 'int64');
}
