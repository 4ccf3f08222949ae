import { readFile } from 'node:fs/promises';
import type { Cell } from './cell.js';
import { average, type Metric } from './metric.js';
import type { PublishedRow } from './published.js';

const asset = (name: string) => readFile(new URL(`../../leaderboard/${name}`, import.meta.url), 'utf8');

/** One HTML file with everything in it: opens from disk, asks nothing of any server. */
export async function leaderboardPage(
  title: string,
  cells: readonly Cell[],
  metrics: readonly Metric[],
  published: readonly PublishedRow[],
): Promise<string> {
  const data = {
    metrics: metrics.map((metric) => ({ ...metric, name: metric.key.split(',')[0] })),
    rows: [...cells, ...published].map((row) => ({ ...row, average: average(row, metrics) })),
  };
  const [html, css, script] = [await asset('page.html'), await asset('page.css'), await asset('page.js')];
  const parts: Readonly<Record<string, string>> = {
    title: escapeHtml(title),
    css,
    script,
    data: JSON.stringify(data).replaceAll('<', '\\u003c'),
  };
  return html.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => parts[name] ?? whole);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);
}
