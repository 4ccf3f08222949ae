import { type Metric, metricsOf } from '../metric.js';
import { boardRows } from './board-row.js';
import { type Cell, newCell } from './cell.js';
import { type ComparedRow, groupOf } from './compare-rows.js';
import type { PageContent } from './page.js';

const methods = [null, 'reap', 'conmoe', 'random'];
/** Papers have models of these names. */
const models = ['org/Qwen3-30B-A3B', 'org/OLMoE-1B-7B-0125'];

/** Invented cells: two models by three methods and two ratios, one by two seeds, some with a task or a speed missing. */
export function inventedCells(): Cell[] {
  return models.flatMap((model, m) =>
    methods.flatMap((method, k) =>
      (method === null ? [0] : [0.25, 0.5]).flatMap((ratio) =>
        (method === 'random' && ratio === 0.25 ? [1, 2] : [1]).map((seed) => {
          const bytes = (m === 0 ? 14e9 : 2.5e9) * (1 - ratio * 0.9);
          const accuracy = 0.8 - 0.2 * m - ratio * 0.13 * (k + 1) - 0.02 * (seed - 1);
          const folder = `variants/${m}${k}${100 * ratio}${seed}`;
          return newCell({
            variant: folder,
            row: `${m}${k}${ratio}`,
            decision: `${k}${ratio}${seed}`,
            model,
            revision: null,
            method,
            ratio,
            calibration: method === 'reap' ? 'c4:128x2048' : method === null ? null : 'wikitext:128x2048',
            seed: method === 'random' ? seed : null,
            removed: { routed: ratio, whole: 0.9 * ratio },
            parameters: bytes / 2,
            bytes,
            throughput:
              method === 'random' && ratio === 0.5
                ? null
                : {
                    tokensPerSecond: 1e12 / bytes / (k + 1),
                    error: 1e11 / bytes / (k + 1),
                    machine: 'abacus, 2 threads',
                  },
            scores: {
              arc_easy: { 'acc_norm,none': accuracy, 'acc_norm_stderr,none': 0.011 },
              winogrande: { 'acc,none': accuracy - 0.1, 'acc_stderr,none': 0.012 },
              ...(method !== 'conmoe' && { wikitext: { 'word_perplexity,none': 8 + 30 * ratio + k } }),
            },
            movement:
              method === null
                ? null
                : {
                    tokens: 900,
                    kl_mean: 0.01 * (k + 1) + ratio / 10,
                    kl_p99: 0.2 * (k + 1) + ratio,
                    top1_agreement: 0.99 - ratio / (k + 2),
                    ...(m === 0 && { loops: ratio / 5, other_script: 0 }),
                  },
            plan: method && `${folder}/plan.json`,
            results: `${folder}/results_2026-11-30T10-20-30.5.json`,
            samples: { arc_easy: `${folder}/samples.jsonl` },
          });
        }),
      ),
    ),
  );
}

/** Their rows: with a quarter removed each is significantly better than those after it, with a half none is. */
export function inventedRows(metrics: readonly Metric[]): ComparedRow[] {
  const rows = boardRows(inventedCells(), metrics).map(({ row }) => row);
  return rows.map((row, i) => {
    const worse = rows.flatMap((other, j) => (j > i && groupOf(other) === groupOf(row) ? [j] : []));
    const better = row.ratio === 0.25 ? worse : [];
    return { ...row, better: [better, ...metrics.map(() => better)] };
  });
}

/** The content of a page without tables of papers. */
export function pageOf(cells: readonly Cell[] = inventedCells()): PageContent {
  const metrics = metricsOf(cells);
  const rows = boardRows(cells, metrics).map(({ row }): ComparedRow => ({ ...row, better: [] }));
  const origin = { version: '0.0.0', date: '2026-11-30T10:20Z', recipe: 'models: [a]\ntasks: [b]\n' };
  return { title: 'Board', rows, metrics, tables: [], origin };
}
