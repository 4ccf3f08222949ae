import { readFile } from 'node:fs/promises';
import { formatBytes, formatPercent } from '../../format.js';
import { packageFile } from '../../package-root.js';
import { average, type Metric } from '../metric.js';
import type { Cell } from './cell.js';
import { type PublishedTable, publishedRows } from './published-tables.js';

const asset = (name: string) => readFile(packageFile(`pages/leaderboard/${name}`), 'utf8');

/** A script that another may import without there being a file. */
const module = async (name: string) =>
  `data:text/javascript;base64,${Buffer.from(await asset(name)).toString('base64')}`;

/** One HTML file with everything in it: opens from disk, asks nothing of any server. */
export async function leaderboardPage(
  title: string,
  cells: readonly Cell[],
  metrics: readonly Metric[],
  tables: readonly PublishedTable[],
): Promise<string> {
  const published = publishedRows(tables).filter(({ scores }) =>
    metrics.some(({ task, key }) => scores[task]?.[key] !== undefined),
  );
  const data = {
    metrics: metrics.map((metric) => ({ ...metric, name: metric.key.split(',')[0] })),
    rows: [...cells, ...published].map((row) => ({ ...row, average: average(row, metrics) })),
    tables,
  };
  const html = await asset('page.html');
  const parts: Readonly<Record<string, string>> = {
    title: escapeHtml(title),
    css: await asset('page.css'),
    modules: JSON.stringify({
      imports: { elements: await module('elements.js'), chart: await module('chart.js') },
    }),
    script: await asset('page.js'),
    data: JSON.stringify(data).replaceAll('<', '\\u003c'),
  };
  return html.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => parts[name] ?? whole);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);
}

/** The leaderboard as a Markdown table. */
export function leaderboardMarkdown(
  title: string,
  cells: readonly Cell[],
  metrics: readonly Metric[],
): string {
  const heads = ['Model', 'Method', 'Calibration', 'Seed', 'Experts removed', 'Memory', 'Average'];
  const hasMovement = cells.some(({ movement }) => movement !== null);
  const rows = cells.map((cell) => [
    cell.model,
    cell.method ?? 'original',
    cell.calibration ?? '',
    cell.seed ?? '',
    formatPercent(cell.removed.routed, 1),
    formatBytes(cell.bytes),
    number(average(cell, metrics)),
    ...metrics.map(({ task, key }) => number(cell.scores[task]?.[key] ?? null)),
    ...(hasMovement ? movementTexts(cell.movement) : []),
  ]);
  const line = (fields: readonly (string | number)[]) =>
    `| ${fields.map((field) => plain(String(field))).join(' | ')} |`;
  const tasks = metrics.map(({ task, key }) => `${task} (${key.split(',')[0]})`);
  const titles = [...heads, ...tasks, ...(hasMovement ? movementTitles : [])];
  const rule = `|${titles.map((_, i) => (i < 3 ? '---|' : '--:|')).join('')}`;
  return [`# ${plain(title)}`, '', line(titles), rule, ...rows.map(line), ''].join('\n');
}

const movementTitles = ['KL', 'KL p99', 'Top-1', 'Loops', 'Other script'];

function movementTexts(movement: Cell['movement']): string[] {
  const { kl_mean, kl_p99, top1_agreement, loops, other_script } = movement ?? {};
  return [kl_mean, kl_p99, top1_agreement, loops, other_script].map((value) => number(value ?? null));
}

/** A text on one line that is no Markdown of a table and no HTML. */
const plain = (text: string) => text.replace(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('<', '&lt;');

const number = (value: number | null) => (value === null ? '' : value.toFixed(3));
