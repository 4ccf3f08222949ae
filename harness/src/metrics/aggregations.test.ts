import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { aggregate, type Contribution, type Pair } from './aggregations.js';
import { bleu } from './bleu.js';
import { bootstrapStderr } from './bootstrap.js';
import { chrf } from './chrf.js';
import { f1Score, matthews } from './classification.js';
import { ter } from './ter.js';

interface Numbers {
  readonly value: number;
  readonly stderr: number | null;
}

/** What lm-evaluation-harness computes; scripts/metrics-table.py writes it. */
interface Table {
  readonly texts: readonly (readonly [reference: string, prediction: string])[];
  readonly segments: readonly { readonly bleu: number; readonly chrf: number; readonly ter: number }[];
  readonly corpus: Readonly<Record<'bleu' | 'chrf' | 'chrf++' | 'ter', Numbers>>;
  readonly pairs: readonly (readonly (readonly [number, number])[])[];
  readonly f1: Numbers;
  readonly matthews_corrcoef: readonly Numbers[];
  readonly probabilities: readonly (readonly [number, readonly number[]])[];
  readonly brier_score: Numbers;
  readonly values: readonly number[];
  readonly perplexity: Numbers;
  readonly median: Numbers;
}

const table: Table = JSON.parse(
  readFileSync(new URL('../../fixtures/metrics-table.json', import.meta.url), 'utf8'),
);

const ofPairs = (pairs: readonly Pair[]): Contribution[] =>
  pairs.map((pair) => ({ value: 0, weight: 1, pair }));

const counted = (pairs: readonly (readonly [number, number])[]) =>
  pairs.map(([gold, predicted]) => ({ gold, predicted, count: 1 }));

describe('metrics over all documents', () => {
  it.each(['bleu', 'chrf', 'chrf++', 'ter'] as const)('%s is that of sacrebleu', (name) => {
    const { value, stderr } = aggregate(name, ofPairs(table.texts));
    expect(value).toBeCloseTo(table.corpus[name].value, 9);
    expect(stderr).toBeCloseTo(table.corpus[name].stderr!, 9);
  });

  it('of texts are those of sacrebleu for each segment, too', () => {
    for (const [i, [reference, prediction]] of table.texts.entries()) {
      const scores = { bleu, chrf: chrf(0), ter };
      for (const [name, metric] of Object.entries(scores)) {
        const score = metric.score(metric.statistics(reference, prediction));
        expect(score, `${name} of ${JSON.stringify(prediction)}`).toBeCloseTo(
          table.segments[i]![name as 'bleu'],
          9,
        );
      }
    }
  });

  it('of classes are those of scikit-learn', () => {
    const [two, three] = table.pairs;
    expect(f1Score(counted(two!))).toBeCloseTo(table.f1.value, 12);
    const { stderr } = aggregate('f1', ofPairs(two!.slice(0, 9)));
    expect(stderr).toBeGreaterThan(0.05);
    expect(matthews(counted(two!))).toBeCloseTo(table.matthews_corrcoef[0]!.value, 12);
    expect(matthews(counted(three!))).toBeCloseTo(table.matthews_corrcoef[1]!.value, 12);
    expect(f1Score(counted(three!))).toBeNaN();
    expect(aggregate('brier_score', ofPairs(table.probabilities))).toEqual({
      value: expect.closeTo(table.brier_score.value, 12),
      stderr: null,
    });
  });

  it('have the standard errors of the same resamples', () => {
    const [two] = table.pairs;
    const stderr = bootstrapStderr(
      (drawn) => matthews(counted(Array.from(drawn, (at) => two![at]!))),
      two!.length,
      2000,
    );
    expect(stderr).toBeCloseTo(table.matthews_corrcoef[0]!.stderr!, 12);
    const { values } = table;
    const perplexity = bootstrapStderr(
      (drawn) => Math.exp(-drawn.reduce((sum, at) => sum + values[at]!, 0) / values.length),
      values.length,
      2000,
    );
    expect(perplexity).toBeCloseTo(table.perplexity.stderr!, 12);
  });

  it('pass over what is asked for nothing', () => {
    expect(aggregate('bypass', [{ value: 1, weight: 1 }])).toEqual({ value: 999, stderr: null });
  });
});
