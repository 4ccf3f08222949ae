import { formatBytes, formatPercent } from '../../format.js';
import type { Metric } from '../metric.js';
import type { BoardRow, Score } from './board-row.js';
import { type ComparedRow, isBest } from './compare-rows.js';

/** The leaderboard as a Markdown table: the same however the numbers came about. */
export function leaderboardMarkdown(
  title: string,
  rows: readonly ComparedRow[],
  metrics: readonly Metric[],
): string {
  const hasMovement = rows.some(({ movement }) => movement !== null);
  const hasSeeds = rows.some(({ seeds }) => seeds.length > 1);
  const lines = rows.map((row, i) => [
    row.model,
    row.method ?? 'original',
    row.calibration ?? '',
    row.seeds.join(', '),
    formatPercent(row.removed.routed, 1),
    formatBytes(row.bytes),
    ...[row.average, ...row.scores].map((score, column) => scoreText(score, isBest(rows, i, column))),
    ...(hasMovement ? movementTexts(row.movement) : []),
  ]);
  const line = (fields: readonly (string | number)[]) =>
    `| ${fields.map((field) => plain(String(field))).join(' | ')} |`;
  const heads = ['Model', 'Method', 'Calibration', 'Seed', 'Experts removed', 'Memory', 'Average'];
  const tasks = metrics.map(({ task, key }) => `${task} (${key.split(',')[0]})`);
  const titles = [...heads, ...tasks, ...(hasMovement ? movementTitles : [])];
  const rule = `|${titles.map((_, i) => (i < 3 ? '---|' : '--:|')).join('')}`;
  const notes = [
    `±: the standard error over documents${hasSeeds ? ', of rows with several seeds the standard deviation among them' : ''}.`,
    'Bold: better than every other row of the same model and ratio (paired test over documents, p < 0.05).',
  ];
  return [`# ${plain(title)}`, '', line(titles), rule, ...lines.map(line), '', notes.join(' '), ''].join(
    '\n',
  );
}

const movementTitles = ['KL', 'KL p99', 'Top-1', 'Loops', 'Other script'];

function movementTexts(movement: BoardRow['movement']): string[] {
  const { kl_mean, kl_p99, top1_agreement, loops, other_script } = movement ?? {};
  return [kl_mean, kl_p99, top1_agreement, loops, other_script].map((value) => value?.toFixed(3) ?? '');
}

function scoreText(score: Score | null, isBold: boolean): string {
  if (score === null) return '';
  const value = isBold ? `**${score.value.toFixed(3)}**` : score.value.toFixed(3);
  return score.error === null ? value : `${value} ± ${score.error.toFixed(3)}`;
}

/** A text on one line that is no Markdown of a table and no HTML. */
const plain = (text: string) => text.replace(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('<', '&lt;');
