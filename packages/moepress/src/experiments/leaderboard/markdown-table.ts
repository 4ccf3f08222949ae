import { formatBytes, formatPercent } from '../../format.js';
import { average, type Metric } from '../metric.js';
import type { Cell } from './cell.js';

/** The leaderboard as a Markdown table. */
export function leaderboardMarkdown(
  title: string,
  cells: readonly Cell[],
  metrics: readonly Metric[],
): string {
  const heads = ['Model', 'Method', 'Calibration', 'Seed', 'Experts removed', 'Memory', 'Average'];
  const rows = cells.map((cell) => [
    cell.model,
    cell.method ?? 'original',
    cell.calibration ?? '',
    cell.seed ?? '',
    formatPercent(cell.removed.routed, 1),
    formatBytes(cell.bytes),
    number(average(cell, metrics)),
    ...metrics.map(({ task, key }) => number(cell.scores[task]?.[key] ?? null)),
  ]);
  const line = (fields: readonly (string | number)[]) =>
    `| ${fields.map((field) => plain(String(field))).join(' | ')} |`;
  const titles = [...heads, ...metrics.map(({ task, key }) => `${task} (${key.split(',')[0]})`)];
  const rule = `|${titles.map((_, i) => (i < 3 ? '---|' : '--:|')).join('')}`;
  return [`# ${plain(title)}`, '', line(titles), rule, ...rows.map(line), ''].join('\n');
}

/** A text on one line that is no Markdown of a table and no HTML. */
const plain = (text: string) => text.replace(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('<', '&lt;');

const number = (value: number | null) => (value === null ? '' : value.toFixed(3));
