import { readFile } from 'node:fs/promises';
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
