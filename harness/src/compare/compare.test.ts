import { expect, it } from 'vitest';
import { evaluate } from '../evaluate.js';
import { fakeModel } from '../testing/fake-model.js';
import { school, schoolAnswers } from '../testing/school.js';
import { compareSamples } from './compare.js';
import { renderComparisons } from './table.js';

async function samplesOf(tasks: string[], model = fakeModel(schoolAnswers), limit?: number) {
  return (await evaluate({ tasks, model, data: school, limit })).samples;
}

/** Has every choice and answer right. */
const oracle: typeof fakeModel = () => ({
  ...fakeModel(),
  async loglikelihood(requests) {
    return requests.map(({ context, continuation }) => {
      const colour = /paint is (\w+)/.exec(context)![1];
      return { logprob: continuation === ` ${colour}` ? -1 : -9, isGreedy: true };
    });
  },
});

it('pairs the documents of two models by task, filter and metric', async () => {
  const tasks = ['arc_easy', 'gsm8k', 'wikitext'];
  const first = await samplesOf(tasks);
  const second = { ...first, ...(await samplesOf(['arc_easy'], oracle())) };
  const rows = compareSamples(first, second);
  expect(rows.map(({ task, filter, metric }) => `${task} ${filter} ${metric}`)).toEqual([
    'arc_easy none acc',
    'arc_easy none acc_norm',
    'gsm8k strict-match exact_match',
    'gsm8k flexible-extract exact_match',
  ]);
  expect(rows[0]).toMatchObject({
    items: 6,
    first: 0.5,
    second: 1,
    difference: 0.5,
    onlyFirst: 0,
    onlySecond: 3,
  });
  expect(rows[0]!.mcnemar.exact).toBeCloseTo(0.25, 12);
  expect(rows[2]).toMatchObject({ difference: 0, mcnemar: { exact: 1 }, detectable: null });
});

it('compares the documents that both were asked', async () => {
  const rows = compareSamples(await samplesOf(['arc_easy']), await samplesOf(['arc_easy'], oracle(), 2));
  expect(rows[0]!.items).toBe(2);
});

it('refuses other documents and other tasks', async () => {
  const samples = await samplesOf(['arc_easy']);
  const changed = { arc_easy: samples.arc_easy!.map((sample) => ({ ...sample, doc_hash: 'x' })) };
  expect(() => compareSamples(samples, changed)).toThrow(
    expect.objectContaining({ code: 'INPUT_INVALID', message: expect.stringContaining('Document 0') }),
  );
  expect(() => compareSamples(samples, {})).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
});

it('prints a table', async () => {
  const samples = await samplesOf(['arc_easy']);
  const lines = renderComparisons(compareSamples(samples, samples)).trimEnd().split('\n');
  expect(lines).toHaveLength(4);
  expect(lines[2]).toMatch(/^\|arc_easy\|none {2}\|acc {5}\| {2}6\|.*\|none {6}\|$/);
});
