import { expect, it } from 'vitest';
import { evaluate } from '../evaluate.js';
import type { Sample } from '../results/sample.js';
import { fakeModel } from '../testing/fake-model.js';
import { school, schoolAnswers } from '../testing/school.js';
import { compareSamples } from './compare-samples.js';
import { renderComparisons } from './comparison-table.js';

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

it('tells of other prompts, and refuses other right answers', async () => {
  const samples = await samplesOf(['arc_easy']);
  const with_ = (change: (sample: Sample, i: number) => object) => ({
    arc_easy: samples.arc_easy!.map((sample, i) => ({ ...sample, ...change(sample, i) }) as Sample),
  });
  expect(compareSamples(samples, samples)[0]!.differentPrompts).toBe(0);
  const asked = with_((_, i) => (i < 4 ? { prompt_hash: 'x' } : {}));
  expect(compareSamples(samples, asked).map((row) => row.differentPrompts)).toEqual([4, 4]);
  expect(() =>
    compareSamples(
      samples,
      with_(() => ({ target_hash: 'x' })),
    ),
  ).toThrow(
    expect.objectContaining({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('another right answer'),
    }),
  );
});

it('pools the documents of groups, and of groups of groups', async () => {
  const one = await samplesOf(['arc_easy']);
  const two = await samplesOf(['arc_easy'], oracle());
  const named = (samples: typeof one) => ({
    a: samples.arc_easy!,
    b: samples.arc_easy!,
    c: samples.arc_easy!,
  });
  const groups = { all: ['inner', 'c'], inner: ['a', 'b'], a: [], missing: ['a', 'x'], loop: ['loop', 'a'] };
  const rows = compareSamples(named(one), named(two), { groups });
  const shown = rows
    .filter(({ metric }) => metric === 'acc')
    .map(({ task, pooled, items }) => [task, pooled, items]);
  expect(shown).toEqual([
    ['all', 3, 18],
    ['inner', 2, 12],
    ['loop', 1, 6],
    ['a', null, 6],
    ['b', null, 6],
    ['c', null, 6],
  ]);
  const [all] = rows;
  expect(all).toMatchObject({ onlyFirst: 0, onlySecond: 9, difference: 0.5 });
  expect(all!.mcnemar.exact).toBeCloseTo(2 / 2 ** 9, 12);
  expect(renderComparisons(rows)).toContain('|all (3 tasks)');
  const certain = { ...rows[0]!, mcnemar: { ...rows[0]!.mcnemar, midP: 1e-15 } };
  expect(renderComparisons([certain])).toContain('|<0.0001');
});

it('takes the score interval where few documents tell the models apart', async () => {
  const samples = await samplesOf(['arc_easy']);
  const [same] = compareSamples(samples, samples);
  expect(same!.interval.method).toBe('score');
  expect(same!.interval.high).toBeGreaterThan(0.1);
  const many = Array.from({ length: 60 }, (_, i) => ({ ...samples.arc_easy![0]!, doc_id: i }) as Sample);
  const of = (right: (i: number) => boolean) => ({
    arc_easy: many.map((sample, i) => ({ ...sample, acc: right(i) ? 1 : 0, acc_norm: 1 }) as Sample),
  });
  const [acc, norm] = compareSamples(
    of((i) => i < 40),
    of((i) => i >= 30),
  );
  expect([acc!.interval.method, norm!.interval.method]).toEqual(['bootstrap', 'score']);
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
