import { describe, expect, it } from 'vitest';
import { average, metricsOf } from './metric.js';

const scores = (one: Record<string, Record<string, number>>) => ({ scores: one });

describe('metricsOf', () => {
  it('takes what papers report of each task', () => {
    const cell = scores({
      arc_easy: { 'acc,none': 0.5, 'acc_stderr,none': 0.1, 'acc_norm,none': 0.6 },
      piqa: { 'acc,none': 0.7, 'acc_norm,none': 0.8 },
      gsm8k: { 'exact_match,flexible-extract': 0.4, 'exact_match,strict-match': 0.3 },
      wikitext: { 'bits_per_byte,none': 1, 'word_perplexity,none': 12 },
    });
    expect(metricsOf([cell]).map(({ task, key, higherIsBetter }) => [task, key, higherIsBetter])).toEqual([
      ['arc_easy', 'acc_norm,none', true],
      ['piqa', 'acc,none', true],
      ['gsm8k', 'exact_match,strict-match', true],
      ['wikitext', 'word_perplexity,none', false],
    ]);
  });
});

describe('average', () => {
  const asked = [
    scores({ a: { 'acc,none': 0.5 }, b: { 'acc,none': 1 }, text: { 'word_perplexity,none': 9 } }),
  ];

  it('is that of accuracies alone', () => {
    expect(average(asked[0]!, metricsOf(asked))).toBe(0.75);
  });

  it('does not exist where a task is missing', () => {
    expect(average(scores({ a: { 'acc,none': 0.5 } }), metricsOf(asked))).toBeNull();
    expect(average(asked[0]!, [])).toBeNull();
  });
});
