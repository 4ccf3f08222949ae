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

/** Results of a run of these tasks: the subjects of MMLU, its groups, and other tasks. */
const mmlu = {
  mmlu_anatomy: { 'acc,none': 0.2 },
  mmlu_virology: { 'acc,none': 0.4 },
  mmlu_stem: { 'acc,none': 0.2 },
  mmlu_other: { 'acc,none': 0.4 },
  mmlu: { 'acc,none': 0.3 },
};
const suite = scores({ ...mmlu, arc_easy: { 'acc_norm,none': 0.5 }, tiny_facts: { 'acc,none': 1 } });

describe('average', () => {
  it('counts a group once, and not what it is made of', () => {
    const tasks = ['mmlu', 'arc_easy', 'tiny_facts'];
    const metrics = metricsOf([suite], tasks);
    expect(metrics.slice(0, 3).map(({ task }) => task)).toEqual(tasks);
    expect(metrics).toHaveLength(7);
    expect(average(suite, metrics)).toBeCloseTo((0.3 + 0.5 + 1) / 3, 12);
  });

  it('counts the parts of a group that are asked by themselves', () => {
    const metrics = metricsOf([suite], ['mmlu_anatomy', 'tiny_facts']);
    expect(average(suite, metrics)).toBeCloseTo(0.6, 12);
    const both = metricsOf([suite], ['mmlu_anatomy', 'mmlu_stem', 'mmlu', 'tiny_facts']);
    expect(average(suite, both)).toBeCloseTo(0.65, 12);
  });

  it('is there for a row of a paper, which has the group alone', () => {
    const paper = scores({ mmlu: { 'acc,none': 0.6 }, arc_easy: { 'acc_norm,none': 0.8 } });
    expect(average(paper, metricsOf([suite], ['mmlu', 'arc_easy']))).toBeCloseTo(0.7, 12);
    expect(average(paper, metricsOf([suite], ['mmlu', 'arc_easy', 'tiny_facts']))).toBeNull();
  });

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
