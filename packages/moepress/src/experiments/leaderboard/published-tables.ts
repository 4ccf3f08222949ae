import { readdir, readFile } from 'node:fs/promises';
import { parseJson } from '@moepress/core';
import { z } from 'zod';
import { packageFile } from '../../package-root.js';
import type { Cell } from './cell.js';

const tableSchema = z.object({
  source: z.object({ title: z.string(), url: z.string(), table: z.string() }),
  /** How the numbers were obtained, as far as it is published. */
  setting: z.string(),
  columns: z.array(
    z.object({
      /** A task by lm-evaluation-harness' name, or what else the table gives. */
      name: z.string(),
      /** `metric,filter` where the harness' number of that name would be comparable. */
      key: z.string().optional(),
    }),
  ),
  models: z.array(
    z.object({
      model: z.string(),
      /** Parameters of the original, in total and in routed experts; weights are bf16. */
      parameters: z.object({ total: z.number(), routed: z.number() }).optional(),
      rows: z.array(
        z.object({
          /** Null for the original. */
          method: z.string().nullable(),
          /** Share of the routed experts that went. */
          ratio: z.number().nullable(),
          /** Parameters that remain, where they do not follow from the ratio. */
          parameters: z.number().optional(),
          scores: z.array(z.number().nullable()),
        }),
      ),
    }),
  ),
});

/** A table of a paper: its own columns, whether the harness has such tasks or not. */
export type PublishedTable = z.output<typeof tableSchema>;

/** A row of a paper's table, shown next to our results. */
export interface PublishedRow
  extends Pick<
    Cell,
    'model' | 'method' | 'ratio' | 'calibration' | 'seed' | 'removed' | 'parameters' | 'bytes' | 'scores'
  > {
  readonly source: PublishedTable['source'];
  readonly setting: string;
  readonly throughput: null;
}

/** The tables that come with moepress, a file a paper. */
export async function publishedTables(): Promise<PublishedTable[]> {
  const folder = packageFile('pages/leaderboard/published/');
  const tables: PublishedTable[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const text = await readFile(new URL(name, folder), 'utf8');
    tables.push(...z.array(tableSchema).parse(parseJson(text)));
  }
  return tables;
}

/** The rows of tables that may stand beside ours: with comparable numbers, of models whose sizes are known. */
export function publishedRows(tables: readonly PublishedTable[]): PublishedRow[] {
  return tables.flatMap(({ source, setting, columns, models }) =>
    models.flatMap(({ model, parameters: original, rows }) =>
      rows.flatMap(({ method, ratio, parameters, scores }): PublishedRow[] => {
        const comparable = columns.flatMap(({ name, key }, i) => {
          const score = scores[i];
          return key === undefined || score == null ? [] : [[name, { [key]: score }] as const];
        });
        if (original === undefined || comparable.length === 0) return [];
        const { total, routed } = original;
        const left = parameters ?? total - (ratio ?? 0) * routed;
        return [
          {
            source,
            setting,
            model,
            method,
            ratio: ratio ?? (total - left) / routed,
            calibration: null,
            seed: null,
            removed: { routed: ratio ?? (total - left) / routed, whole: (total - left) / total },
            parameters: left,
            bytes: 2 * left,
            throughput: null,
            scores: Object.fromEntries(comparable),
          },
        ];
      }),
    ),
  );
}
