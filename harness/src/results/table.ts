import { type Cell, markdownTable } from './markdown.js';
import type { ResultsRecord, TaskResult } from './record.js';

const headers = ['Tasks', 'Version', 'Filter', 'n-shot', 'Metric', '', 'Value', '', 'Stderr'];

/** What the table needs of a results file. */
export type Tabulated = Pick<ResultsRecord, 'results' | 'versions' | 'n-shot' | 'higher_is_better'>;

/** The table lm-evaluation-harness prints: tasks by name, their metrics by `metric,filter`. */
export function renderTable(record: Tabulated): string {
  const rows = Object.keys(record.results)
    .sort()
    .flatMap((name) => taskRows(name, record));
  return markdownTable(headers, rows);
}

function taskRows(name: string, record: Tabulated): Cell[][] {
  const result = record.results[name]!;
  return metricKeys(result).map((key, i) => {
    const [metric, filter] = key.split(',') as [string, string];
    const stderr = result[`${metric}_stderr,${filter}`]!;
    return [
      i === 0 ? result.alias : '',
      i === 0 ? record.versions[name]! : '',
      filter,
      record['n-shot'][name]!,
      metric,
      record.higher_is_better[name]?.[metric] ? '↑' : '↓',
      result[key]!,
      '±',
      typeof stderr === 'string' ? stderr.padStart(6) : stderr,
    ];
  });
}

function metricKeys(result: TaskResult): string[] {
  return Object.keys(result)
    .filter((key) => key.includes(',') && !key.includes('_stderr,'))
    .sort();
}
