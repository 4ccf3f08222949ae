import type { Movement } from '../movement/movement.js';
import { type Cell, markdownTable } from './markdown.js';
import type { ResultsRecord, TaskResult } from './record.js';
import { imitatedVersion } from './run-record.js';

const movementColumns = ['KL', 'KL p99', 'Top-1', 'Loops', 'Script'];

const columns = ['Version', 'Filter', 'n-shot', 'Metric', '', 'Value', '', 'Stderr'];

/** The part of a results file that the table shows. */
export type Tabulated = Pick<
  ResultsRecord,
  'results' | 'groups' | 'group_subtasks' | 'versions' | 'n-shot' | 'higher_is_better' | 'movements'
>;

/**
 * The table lm-evaluation-harness prints: groups with what they hold, then the other tasks, by name, and
 * their metrics by `metric,filter`. Groups have a second table of their own. Of a model that is compared with an original,
 * each first line of a task also has how far it has moved.
 */
export function renderTable(record: Tabulated): string {
  const names = outline(record);
  const table = (title: string, shown: readonly Outlined[]) =>
    markdownTable(
      [title, ...columns, ...(record.movements ? movementColumns : [])],
      shown.flatMap((entry) => resultRows(entry, record)),
    );
  const tables = [table('Tasks', names)];
  if (record.groups)
    tables.push(
      table(
        'Groups',
        names.filter(({ name }) => name in record.groups!),
      ),
    );
  return tables.join('\n');
}

/** A task or group and its nesting depth. */
interface Outlined {
  readonly name: string;
  readonly depth: number;
}

/** Every task and group once, with the members of a group below it. */
function outline({ results, group_subtasks: members }: Tabulated): Outlined[] {
  const inside = new Set(Object.values(members).flat());
  const [groups, tasks] = [true, false].map((isGroup) =>
    Object.keys(results)
      .filter((name) => !inside.has(name) && name in members === isGroup)
      .sort(),
  ) as [string[], string[]];
  const withMembers = (name: string, depth: number): Outlined[] => [
    { name, depth },
    ...[...(members[name] ?? [])].sort().flatMap((member) => withMembers(member, depth + 1)),
  ];
  return [...groups, ...tasks].flatMap((name) => withMembers(name, 0));
}

function resultRows({ name, depth }: Outlined, record: Tabulated): Cell[][] {
  const result = record.results[name]!;
  const indent = depth === 0 ? '' : `${' '.repeat(depth)}- `;
  return metricKeys(result).map((key, i) => {
    const [metric, filter] = key.split(',') as [string, string];
    const stderr = result[`${metric}_stderr,${filter}`] as number | string;
    return [
      i === 0 ? indent + result.alias : '',
      i === 0 ? versionCell(record.versions[name]) : '',
      filter,
      record['n-shot'][name] ?? '',
      metric,
      arrow(record.higher_is_better[name]?.[metric]),
      result[key] as number,
      '±',
      typeof stderr === 'string' ? stderr.padStart(6) : stderr,
      ...(record.movements ? movementCells(i === 0 ? record.movements[name] : undefined) : []),
    ];
  });
}

function movementCells(movement: Movement | undefined): Cell[] {
  const { kl_mean, kl_p99, top1_agreement, loops, other_script } = movement ?? {};
  return [kl_mean, kl_p99, top1_agreement, loops, other_script].map((value) => value ?? '');
}

/** Versions of tasks that state none are words. */
function versionCell(version: number | string | undefined): number | string {
  const asNumber = Number(version);
  return Number.isNaN(asNumber) ? String(version) : asNumber;
}

function arrow(higherIsBetter: boolean | undefined): string {
  if (higherIsBetter === undefined) return '';
  return higherIsBetter ? '↑' : '↓';
}

function metricKeys(result: TaskResult): string[] {
  return Object.keys(result)
    .filter((key) => key.includes(',') && !key.includes('_stderr,'))
    .sort();
}

/**
 * The line above the table: the model, how it was set up (its BOS setting and context length, which change
 * results), the limit, and whose numbers these can stand beside.
 */
export function renderHeading({ config }: Pick<ResultsRecord, 'config'>): string {
  const settings = Object.entries((config.model_args ?? {}) as Readonly<Record<string, unknown>>);
  const setup = settings.map(([name, value]) => `${name}=${value}`).join(', ');
  const limit = config.limit === null ? 'none' : String(config.limit);
  return `${config.model} (${setup}), limit: ${limit}, as lm-evaluation-harness ${imitatedVersion}`;
}
