import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { golden, shared } from '../testing/reference.js';
import { aggregate } from './aggregations.js';
import { countBytes, countWords, exactMatch, likeliest } from './metrics.js';
import { argmax, meanStderr, pooledStderr, weightedMean } from './statistics.js';

describe('likeliest', () => {
  it('divides by code points, without the delimiter', () => {
    // Per UTF-16 unit the second choice would win: -3 / 4 > -2 / 2.
    expect(likeliest([-2, -3], ['ab', '😀😀'])).toEqual({ acc: 0, acc_norm: 0, acc_bytes: 1 });
    expect(likeliest([-2, -3], ['ab', 'abcd'])).toEqual({ acc: 0, acc_norm: 1, acc_bytes: 1 });
  });

  it('takes the first of equals', () => {
    expect(likeliest([-1, -1], ['a', 'b'])).toEqual({ acc: 0, acc_norm: 0, acc_bytes: 0 });
    expect(argmax([-3, -1, -1])).toBe(1);
  });
});

describe('exactMatch', () => {
  const gsm = { ignore_case: true, regexes_to_ignore: [',', '\\$', '(?s).*#### ', '\\.$'] };

  it.each([
    ['$1,000.', 'work\n#### 1000', 1],
    ['72.0', '#### 72', 0],
    ['[invalid]', '#### 72', 0],
    ['ABC', 'abc', 1],
  ])('%j against %j', (prediction, reference, score) => {
    expect(exactMatch(prediction, reference, gsm)).toBe(score);
  });
});

describe('aggregate', () => {
  it('has no standard error for one document or for perplexities', () => {
    expect(aggregate('mean', [{ value: 1, weight: 1 }])).toEqual({ value: 1, stderr: null });
    const two = [
      { value: -8, weight: 4 },
      { value: -4, weight: 2 },
    ];
    expect(aggregate('weighted_perplexity', two)).toEqual({ value: Math.exp(2), stderr: null });
    expect(aggregate('bits_per_byte', two).value).toBeCloseTo(2 / Math.LN2, 15);
  });

  it('gives the standard error of a proportion, with n - 1', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1), { minLength: 2, maxLength: 200 }), (values) => {
        const p = values.reduce((a, b) => a + b, 0) / values.length;
        expect(meanStderr(values)).toBeCloseTo(Math.sqrt((p * (1 - p)) / (values.length - 1)), 12);
      }),
    );
  });
});

describe('groups', () => {
  it('weigh by size', () => {
    expect(weightedMean([0, 1], [1, 3])).toBe(0.75);
  });

  it('of one task have its standard error', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        fc.integer({ min: 2, max: 9999 }),
        (se, n) => {
          expect(pooledStderr([se], [n])).toBeCloseTo(se, 12);
        },
      ),
    );
  });
});

it('counts the pieces between blanks and the bytes of UTF-8', () => {
  expect([countWords(' a b\n\nc '), countWords(''), countBytes('é漢😀')]).toEqual([5, 1, 9]);
});

type Line =
  | { kind: 'pooled_sample_stderr'; stderrs: number[]; sizes: number[]; out: number }
  | { kind: 'aggregate_subtask_metrics'; metrics: number[]; sizes: number[]; weighted: number }
  | { kind: 'mean_stderr'; values: number[]; out: number }
  | { kind: 'weighted_perplexity'; items: [number, number][]; out: number; bits_per_byte: number };

interface Match {
  prediction: string;
  reference: string;
  kwargs: { regexes_to_ignore?: string[]; ignore_case?: boolean };
  exact_match: number;
}

describe.runIf(shared)('the metrics of lm-evaluation-harness', () => {
  it('agree to the last bit', () => {
    for (const line of golden<Line>('metrics.jsonl')) {
      if (line.kind === 'mean_stderr') expect(meanStderr(line.values)).toBe(line.out);
      if (line.kind === 'pooled_sample_stderr') expect(pooledStderr(line.stderrs, line.sizes)).toBe(line.out);
      if (line.kind === 'aggregate_subtask_metrics') {
        expect(weightedMean(line.metrics, line.sizes)).toBe(line.weighted);
      }
      if (line.kind === 'weighted_perplexity') {
        const items = line.items.map(([value, weight]) => ({ value, weight }));
        expect(aggregate('weighted_perplexity', items).value).toBe(line.out);
        expect(aggregate('bits_per_byte', items).value).toBe(line.bits_per_byte);
      }
    }
  });

  it('agree on exact matches', () => {
    const lines = golden<Match>('exact_match.jsonl');
    expect(lines.length).toBeGreaterThan(5);
    for (const { prediction, reference, kwargs, exact_match } of lines) {
      expect(exactMatch(prediction, reference, kwargs), prediction).toBe(exact_match);
    }
  });
});
