import { type Cell, newCell } from './cell.js';

const methods = [null, 'reap', 'conmoe', 'random'];
const models = ['org/large', 'org/small'];

/** Invented cells: two models by three methods and two ratios, some with a task or a speed missing. */
export function inventedCells(): Cell[] {
  return models.flatMap((model, m) =>
    methods.flatMap((method, k) =>
      (method === null ? [0] : [0.25, 0.5]).map((ratio) => {
        const bytes = (m === 0 ? 14e9 : 2.5e9) * (1 - ratio * 0.9);
        const accuracy = 0.8 - 0.2 * m - ratio * 0.13 * (k + 1);
        const folder = `variants/${m}${k}${100 * ratio}`;
        return newCell({
          variant: 'ab',
          model,
          revision: null,
          method,
          ratio,
          calibration: method === 'reap' ? 'c4:128x2048' : null,
          seed: method === 'random' ? 1 : null,
          removed: { routed: ratio, whole: 0.9 * ratio },
          parameters: bytes / 2,
          bytes,
          throughput:
            method === 'random' && ratio === 0.5
              ? null
              : { tokensPerSecond: 1e12 / bytes / (k + 1), machine: 'abacus, 2 threads' },
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
          results: `${folder}/results.json`,
          samples: { arc_easy: `${folder}/samples.jsonl` },
        });
      }),
    ),
  );
}
