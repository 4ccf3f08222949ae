import { readFile } from 'node:fs/promises';
import { packageFile } from '../../package-root.js';
import { average, type Metric } from '../metric.js';
import type { ComparedRow } from './compare-rows.js';
import { type PublishedRow, type PublishedTable, publishedRows } from './published-tables.js';

/** What the page says of where it comes from. */
export interface PageOrigin {
  /** Version of moepress. */
  readonly version: string;
  /** When the newest of the results was computed, as ISO 8601; null where nothing was. */
  readonly date: string | null;
  /** The recipe as YAML. */
  readonly recipe: string;
}

export interface PageContent {
  readonly title: string;
  readonly rows: readonly ComparedRow[];
  readonly metrics: readonly Metric[];
  /** Tables of papers. */
  readonly tables: readonly PublishedTable[];
  readonly origin: PageOrigin;
}

const asset = (name: string) => readFile(packageFile(`pages/leaderboard/${name}`), 'utf8');

/** Scripts that others import without there being a file, in an order in which each imports only those before it. */
const modules = ['elements', 'marks', 'chart', 'downloads', 'table', 'papers', 'address'];

/** One HTML file with everything in it: opens from disk, asks nothing of any server. */
export async function leaderboardPage({
  title,
  rows,
  metrics,
  tables,
  origin,
}: PageContent): Promise<string> {
  const models = new Set(rows.map(({ model }) => modelName(model)));
  const published = publishedRows(tables).filter(
    ({ model, scores }) =>
      models.has(modelName(model)) && metrics.some(({ task, key }) => scores[task]?.[key] !== undefined),
  );
  const isOurs = ({ models: own }: PublishedTable) => own.some(({ model }) => models.has(modelName(model)));
  const data = {
    title,
    metrics: metrics.map((metric) => ({ ...metric, name: metric.key.split(',')[0] })),
    rows: [...rows, ...published.map((row) => shownBesides(row, metrics))],
    // Those of the models that are shown come first.
    tables: [...tables.filter(isOurs), ...tables.filter((table) => !isOurs(table))],
    tablesOfModels: tables.filter(isOurs).length,
    origin,
  };
  const html = await asset('page.html');
  const parts: Readonly<Record<string, string>> = {
    title: escapeHtml(title),
    css: await asset('page.css'),
    modules: JSON.stringify({ imports: Object.fromEntries(await Promise.all(modules.map(moduleOf))) }),
    script: await asset('page.js'),
    data: JSON.stringify(data).replaceAll('<', '\\u003c'),
  };
  return html.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => parts[name] ?? whole);
}

async function moduleOf(name: string): Promise<[string, string]> {
  const text = await asset(`${name}.js`);
  return [name, `data:text/javascript;base64,${Buffer.from(text).toString('base64')}`];
}

/** The name of a model without its owner, by which papers and we speak of the same one. */
const modelName = (model: string) => model.split('/').at(-1)!.toLowerCase();

/** A row of a paper as the table shows it, beside ours. */
function shownBesides({ scores, seed: _, ...row }: PublishedRow, metrics: readonly Metric[]) {
  const scoreOf = (value: number | null | undefined) => (value == null ? null : { value, error: null });
  return {
    ...row,
    seeds: [],
    movement: null,
    scores: metrics.map(({ task, key }) => scoreOf(scores[task]?.[key])),
    average: scoreOf(average({ scores }, metrics)),
    files: [],
    better: [],
  };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);
}
