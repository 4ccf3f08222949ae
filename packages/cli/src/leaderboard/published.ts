import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Cell } from './cell.js';

const fileSchema = z.array(
  z.object({
    source: z.object({ title: z.string(), url: z.string(), table: z.string() }),
    /** By lm-evaluation-harness' name, what the table reports: `metric,filter`. */
    metrics: z.record(z.string(), z.string()),
    models: z.array(
      z.object({
        model: z.string(),
        /** Of the original, all and in routed experts; weights are bf16. */
        parameters: z.object({ total: z.number(), routed: z.number() }),
        rows: z.array(
          z.object({ method: z.string().nullable(), ratio: z.number(), scores: z.array(z.number()) }),
        ),
      }),
    ),
  }),
);

/** A row of a paper's table, beside ours. Sizes follow from the ratio. */
export interface PublishedRow
  extends Pick<
    Cell,
    'model' | 'method' | 'ratio' | 'calibration' | 'seed' | 'removed' | 'parameters' | 'bytes' | 'scores'
  > {
  readonly source: z.output<typeof fileSchema>[number]['source'];
}

/** The tables that come with moepress. */
export async function publishedRows(): Promise<PublishedRow[]> {
  const file = new URL('../../leaderboard/published.json', import.meta.url);
  const tables = fileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  return tables.flatMap(({ source, metrics, models }) =>
    models.flatMap(({ model, parameters: { total, routed }, rows }) =>
      rows.map(({ method, ratio, scores }) => {
        const parameters = total - ratio * routed;
        return {
          source,
          model,
          method,
          ratio,
          calibration: null,
          seed: null,
          removed: { routed: ratio, whole: (ratio * routed) / total },
          parameters,
          bytes: 2 * parameters,
          scores: Object.fromEntries(
            Object.entries(metrics).map(([task, key], i) => [task, { [key]: scores[i]! }]),
          ),
        };
      }),
    ),
  );
}
