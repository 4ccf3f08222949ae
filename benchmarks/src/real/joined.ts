import type { Row } from './measure.js';

const keyOf = ({ shape, layers, job }: Row) => [shape, layers, job].join();

/** Earlier rows, those that were measured again in their places, and behind them new ones; all of a shape together. */
export function joined(earlier: readonly Row[], rows: readonly Row[]): Row[] {
  const all = new Map(earlier.map((row) => [keyOf(row), row]));
  for (const row of rows) all.set(keyOf(row), row);
  const shapes = [...new Set([...all.values()].map(({ shape }) => shape))];
  return shapes.flatMap((shape) => [...all.values()].filter((row) => row.shape === shape));
}
