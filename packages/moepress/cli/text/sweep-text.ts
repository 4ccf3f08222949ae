import type { SweepTable } from '../../src/experiments/sweep/run-sweep.js';
import { nameOf, rankCorrelation } from '../../src/experiments/sweep/spread.js';
import { ranked } from '../../src/experiments/sweep/sweep-measure.js';
import { type Column, formatTable } from './table.js';

const shown = 20;

/** The best configurations, what decided, and how far the measures agree. */
export function sweepText({ title, entries, measures, by, options, factors }: SweepTable): string {
  const isAskedAgain = measures.some(({ name }) => name === `${by.name}-again`);
  const best = ranked(entries, by).slice(0, shown);
  const columns: Column[] = [
    ...options.map((option): Column => ({ title: option })),
    ...measures.map((measure): Column => ({ title: measure.title, align: 'right' })),
  ];
  const rows = best.map((entry) => [
    ...options.map((option) => nameOf(entry.options[option])),
    ...measures.map(({ of }) => number(of(entry))),
  ]);
  const decided = factors.map(({ option, levels, range }) => [
    option,
    by.isRatio ? `x ${number(range)}` : number(range),
    levels
      .toSorted((a, b) => (by.higherIsBetter ? b.mean - a.mean : a.mean - b.mean))
      .map(({ value, mean }) => `${value} ${number(mean)}`)
      .join(', '),
  ]);
  const agreement = measures
    .filter((measure) => measure !== by)
    .flatMap((measure) => {
      const correlation = rankCorrelation(entries, by, measure);
      return correlation === null ? [] : [`${measure.title} ${correlation.toFixed(2)}`];
    });
  return [
    `${title}: ${entries.length} configurations, the best ${best.length} by ${by.title}${isAskedAgain ? ', those first that were asked again' : ''}`,
    '',
    formatTable(columns, rows),
    '',
    `What ${by.title} depends on: the means of each option's values, and their range`,
    '',
    formatTable(
      [{ title: 'option' }, { title: 'range', align: 'right' }, { title: 'means, best first' }],
      decided,
    ),
    ...(agreement.length > 0 ? ['', `Rank correlation with it: ${agreement.join(', ')}`] : []),
  ].join('\n');
}

const number = (value: number | null) => (value === null ? '' : value.toPrecision(4));
