import { describe, expect, it } from 'vitest';
import { evaluate } from '../evaluate.js';
import { passAtK } from '../metrics/metrics.js';
import type { Prompt } from '../model/language-model.js';
import { findTask } from '../tasks/registry.js';
import type { GenerationTask } from '../tasks/task-schema.js';
import { fakeModel } from '../testing/fake-model.js';
import { school } from '../testing/school.js';
import { attemptsOf, withGenerationArguments } from './generation.js';

const gsm8k = findTask('gsm8k') as GenerationTask;

describe('attemptsOf', () => {
  const asked = (options: object, repeats = 2) => attemptsOf({ until: [], ...options }, repeats, 7);

  it('draws where a temperature or `do_sample` says so, as often as the question is asked', () => {
    const first = { temperature: 0.6, topP: 0.95, topK: 20, seed: 7, attempt: 0 };
    const options = { temperature: 0.6, top_p: 0.95, top_k: 20 };
    expect(asked(options)).toEqual([first, { ...first, attempt: 1 }]);
    expect(asked({ do_sample: true }, 1)).toEqual([{ temperature: 1, seed: 7, attempt: 0 }]);
    expect(asked({ do_sample: true, top_k: -1 }, 1)).toMatchObject([{ topK: 0 }]);
  });

  it('takes the likeliest token once else', () => {
    for (const options of [{}, { do_sample: false, temperature: 0.6 }, { do_sample: true, temperature: 0 }]) {
      expect(asked(options)).toEqual([undefined]);
    }
  });
});

describe('withGenerationArguments', () => {
  it('adds them to those of a task', () => {
    const changed = withGenerationArguments(gsm8k, { do_sample: true, temperature: 0.5 }) as GenerationTask;
    expect(changed.generation_kwargs).toEqual({
      ...gsm8k.generation_kwargs,
      do_sample: true,
      temperature: 0.5,
    });
    expect(withGenerationArguments(findTask('boolq'), { temperature: 1 })).toBe(findTask('boolq'));
  });

  it('refuses what generation does not take', () => {
    for (const args of [{ tempreature: 1 }, { max_gen_toks: -1 }, { do_sample: 'yes' }]) {
      expect(() => withGenerationArguments(gsm8k, args)).toThrow(
        expect.objectContaining({ code: 'INPUT_INVALID', where: 'genKwargs' }),
      );
    }
  });
});

it('passAtK is the share of choices of k answers with a right one among them', () => {
  const choices = (n: number, k: number): number[][] =>
    k === 0 ? [[]] : n < k ? [] : [...choices(n - 1, k), ...choices(n - 1, k - 1).map((one) => [...one, n])];
  for (let n = 1; n <= 6; n++) {
    for (let right = 0; right <= n; right++) {
      for (let k = 1; k <= n; k++) {
        const all = choices(n, k);
        const passed = all.filter((one) => one.some((answer) => answer <= right)).length;
        expect(passAtK(n, right, k)).toBeCloseTo(passed / all.length, 12);
      }
    }
  }
});

describe('answers that are drawn', () => {
  const [strict] = gsm8k.filter_list;
  const [extract, takeFirst] = strict!.filter;
  const task: GenerationTask = {
    ...gsm8k,
    repeats: 4,
    filter_list: [
      { name: 'first', filter: [extract!, takeFirst!] },
      { name: 'majority', filter: [extract!, { function: 'majority_vote' }, takeFirst!] },
    ],
  };
  const numbers = ['1', '2', '2', '3'];
  const ask = (own: GenerationTask, prompts: Prompt[] = []) =>
    evaluate({
      tasks: [own],
      data: school,
      limit: 2,
      numFewshot: 0,
      seed: 5,
      genKwargs: { do_sample: true, temperature: 0.8 },
      model: {
        ...fakeModel(),
        async generateUntil(asked) {
          prompts.push(...asked);
          return asked.map(({ sampling }) => `So.\n#### ${numbers[sampling!.attempt]}`);
        },
      },
    });

  it('are asked for as often as a task says, and chosen from by its filters', async () => {
    const prompts: Prompt[] = [];
    const { record, samples } = await ask(task, prompts);
    expect(prompts).toHaveLength(8);
    expect(prompts[0]!.sampling).toMatchObject({ temperature: 0.8, seed: 5, attempt: 0 });
    const [first] = samples.gsm8k!;
    expect(Object.keys(first!.arguments)).toEqual(['gen_args_0']);
    expect(first!.resps).toEqual([numbers.map((number) => `So.\n#### ${number}`)]);
    expect(samples.gsm8k!.map(({ filtered_resps }) => filtered_resps)).toEqual([['1'], ['1'], ['2'], ['2']]);
    expect(record.config).toMatchObject({
      gen_kwargs: { do_sample: true, temperature: 0.8 },
      torch_seed: 5,
    });
  });

  it('pass if one of k is right', async () => {
    const [exact] = task.metric_list;
    const passing: GenerationTask = {
      ...task,
      doc_to_target: { source: '2', render: () => '2' },
      filter_list: [{ name: 'all', filter: [extract!] }],
      metric_list: [
        { ...exact!, metric: 'pass@1' },
        { ...exact!, metric: 'pass@2' },
      ] as GenerationTask['metric_list'],
    };
    const { record } = await ask(passing);
    // Two of four are right: of the six pairs one has none.
    expect(record.results.gsm8k).toMatchObject({ 'pass@1,all': 0.5 });
    expect(record.results.gsm8k!['pass@2,all']).toBeCloseTo(5 / 6, 12);
    expect(record.higher_is_better.gsm8k).toEqual({ 'pass@1': true, 'pass@2': true });
  });
});
