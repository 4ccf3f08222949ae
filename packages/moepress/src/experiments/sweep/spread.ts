import { canonicalJson } from '@moepress/core';
import type { AskedEntry } from './sweep-entry.js';
import type { Measure } from './sweep-measure.js';

/** All values that a measure takes under one value of an option. */
export interface Level {
  readonly value: string;
  /** Geometric if the measure is one of ratios. */
  readonly mean: number;
  readonly values: readonly number[];
}

/** The effect of an option on a measure. */
export interface Factor {
  readonly option: string;
  readonly levels: readonly Level[];
  /** From the lowest to the highest mean: their difference, or their ratio if the measure is one of ratios. */
  readonly range: number;
}

/** The options by how much a measure depends on them, the most telling first. */
export function factors(
  entries: readonly AskedEntry[],
  options: readonly string[],
  measure: Measure,
): Factor[] {
  return options
    .map((option): Factor => {
      const levels = levelsOf(entries, option, measure);
      const means = levels.map(({ mean }) => mean);
      const [most, least] = [Math.max(...means), Math.min(...means)];
      return { option, levels, range: measure.isRatio ? most / least : most - least };
    })
    .filter(({ levels }) => levels.length > 0)
    .sort((a, b) => b.range - a.range);
}

function levelsOf(entries: readonly AskedEntry[], option: string, { of, isRatio }: Measure): Level[] {
  const byValue = new Map<string, number[]>();
  for (const entry of entries) {
    const measured = of(entry);
    if (measured === null || !Number.isFinite(measured)) continue;
    const value = nameOf(entry.options[option]);
    byValue.set(value, [...(byValue.get(value) ?? []), measured]);
  }
  return [...byValue].map(([value, values]) => ({
    value,
    values,
    mean: isRatio ? Math.exp(mean(values.map(Math.log))) : mean(values),
  }));
}

const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;

/** A value of an option as the tables show it. */
export const nameOf = (value: unknown): string =>
  typeof value === 'string' ? value : (canonicalJson(value) ?? '');

/**
 * Spearman's rank correlation of two measures over the entries that have both: 1 if they rank alike, -1 if the
 * other way round, better and worse being those of each. Null for fewer than three entries, or where one is constant.
 */
export function rankCorrelation(entries: readonly AskedEntry[], a: Measure, b: Measure): number | null {
  const known = entries.filter((entry) => a.of(entry) !== null && b.of(entry) !== null);
  if (known.length < 3) return null;
  const [x, y] = [a, b].map(({ of, higherIsBetter }) =>
    ranks(known.map((entry) => (higherIsBetter ? of(entry)! : -of(entry)!))),
  ) as [number[], number[]];
  const middle = (known.length + 1) / 2;
  const product = (u: number[], v: number[]) =>
    u.reduce((sum, r, i) => sum + (r - middle) * (v[i]! - middle), 0);
  const variance = product(x, x) * product(y, y);
  return variance > 0 ? product(x, y) / Math.sqrt(variance) : null;
}

/** Ranks from 1; equal values share the mean of their ranks. */
function ranks(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b);
  return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2 + 1);
}
