import type { ResultsRecord } from '@moepress/harness';
import { formatBytes, formatPercent } from '../../src/format.js';
import type { Column } from '../text/table.js';
import type { Variant } from './demo-variants.js';

/** One line of the demo's table: a model, what it saves and what it still knows. */
export interface DemoRow {
  /** Null for the original. */
  readonly variant: Variant | null;
  /** Share of the routed-expert parameters and of the whole model that is gone. */
  readonly removed: { readonly routed: number; readonly whole: number };
  /** Bytes of the weight and other files, as they are on disk or would be. */
  readonly bytes: number;
  readonly results: ResultsRecord['results'];
}

export const columns: readonly Column[] = [
  { title: 'method' },
  { title: 'text' },
  { title: 'removed', align: 'right' },
  { title: 'on disk', align: 'right' },
  { title: 'tiny_gsm', align: 'right' },
  { title: 'tiny_facts', align: 'right' },
  { title: 'tiny_where', align: 'right' },
  { title: 'ppl', align: 'right' },
];

export function cells({ variant, removed, bytes, results }: DemoRow): string[] {
  return [
    variant?.label ?? 'original',
    variant?.text ?? '',
    formatPercent(removed.routed, 0),
    formatBytes(bytes),
    accuracy(results, 'tiny_gsm', 'exact_match', 'strict-match'),
    accuracy(results, 'tiny_facts', 'acc', 'none'),
    accuracy(results, 'tiny_where', 'acc', 'none'),
    Number(results.tiny_heldout?.['token_perplexity,none']).toFixed(3),
  ];
}

function accuracy(results: DemoRow['results'], task: string, metric: string, filter: string): string {
  const value = Number(results[task]?.[`${metric},${filter}`]);
  const stderr = Number(results[task]?.[`${metric}_stderr,${filter}`]);
  return `${value.toFixed(3)}±${stderr.toFixed(3)}`;
}
