import type { ProgressEvent } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { evaluate } from './evaluate.js';
import { renderHeading, renderTable } from './results/results-table.js';
import { findTask } from './tasks/registry.js';
import { defineTask } from './tasks/task-schema.js';
import { fakeModel } from './testing/fake-model.js';
import { memoryDatasets } from './testing/memory.js';
import { school, schoolAnswers } from './testing/school.js';

const model = fakeModel(schoolAnswers);

// The numbers below come from a run whose code reproduced lm-evaluation-harness' own results.
describe('evaluate', () => {
  it('scores multiple choice by log-likelihood and by log-likelihood per character', async () => {
    const { record } = await evaluate({ tasks: ['arc_easy'], model, data: school });
    expect(record.results.arc_easy).toEqual({
      name: 'arc_easy',
      alias: 'arc_easy',
      sample_len: 6,
      'acc,none': 0.5,
      'acc_stderr,none': 0.22360679774997896,
      'acc_norm,none': 0.3333333333333333,
      'acc_norm_stderr,none': 0.210818510677892,
    });
    expect(record.task_hashes).toEqual({
      arc_easy: '8c92fa303ff663b963f31b1fc8398d84364d3cd3932f37b89f3e98de6718bb14',
    });
  });

  it('scores generations under each filter', async () => {
    const { record, samples } = await evaluate({ tasks: ['gsm8k'], model, data: school });
    expect(record.results.gsm8k).toMatchObject({
      'exact_match,strict-match': 0.8333333333333334,
      'exact_match_stderr,strict-match': 0.16666666666666669,
      'exact_match,flexible-extract': 1,
      'exact_match_stderr,flexible-extract': 0,
    });
    expect(record['n-shot']).toEqual({ gsm8k: 5 });
    expect(record.task_hashes).toEqual({
      gsm8k: '1a1f63fead6f31f32a3f5f552bca72b5b470869d32984f9e10d9afd1c6981c51',
    });
    expect(samples.gsm8k!.map(({ doc_id, filter }) => [doc_id, filter])).toEqual([
      ...[0, 1, 2, 3, 4, 5].map((id) => [id, 'strict-match']),
      ...[0, 1, 2, 3, 4, 5].map((id) => [id, 'flexible-extract']),
    ]);
  });

  it('scores whole texts by word, byte, bit and token', async () => {
    const { record } = await evaluate({ tasks: ['wikitext', 'tiny_heldout'], model, data: school });
    expect(record.results.wikitext).toMatchObject({
      'word_perplexity,none': 9.783479396516793,
      'byte_perplexity,none': 1.9112150773401289,
      'bits_per_byte,none': 0.9344901401950966,
      'bits_per_byte_stderr,none': 'N/A',
    });
    // The fake model's tokens are bytes.
    expect(record.results.tiny_heldout).toMatchObject({
      'byte_perplexity,none': 2.957051756974078,
      'token_perplexity,none': 2.957051756974078,
    });
  });

  it('asks for all tasks at once, the same request once', async () => {
    const calls: number[] = [];
    const counting = {
      ...model,
      loglikelihood: (requests: Parameters<typeof model.loglikelihood>[0]) => {
        calls.push(requests.length);
        return model.loglikelihood(requests);
      },
    };
    const twin = defineTask({ ...findTask('arc_easy'), task: 'arc_twin' });
    const { record } = await evaluate({ tasks: ['arc_easy', twin], model: counting, data: school });
    const { arc_easy, arc_twin } = record.results;
    expect(calls).toEqual([18]);
    expect(arc_twin).toEqual({ ...arc_easy, name: 'arc_twin', alias: 'arc_twin' });
  });

  it('takes the first documents or a fraction of them', async () => {
    const counts = async (limit: number) => {
      const { record } = await evaluate({ tasks: ['arc_easy'], model, data: school, limit });
      return record['n-samples'].arc_easy;
    };
    expect(await counts(2)).toEqual({ original: 6, effective: 2 });
    expect(await counts(0.4)).toEqual({ original: 6, effective: 3 });
    expect(await counts(100)).toEqual({ original: 6, effective: 6 });
  });

  it('draws other examples for each document, the same in every run', async () => {
    const contexts = async () => {
      const { samples } = await evaluate({ tasks: ['arc_easy'], model, data: school, numFewshot: 2 });
      return samples.arc_easy!.map((sample) => sample.arguments.gen_args_0!.arg_0 as string);
    };
    const first = await contexts();
    expect(first[0]).toBe(
      'Question: Which paint is brown\nAnswer: brown\n\nQuestion: Which paint is white?\nAnswer: white\n\nQuestion: Which paint is red\nAnswer:',
    );
    expect(new Set(first.map((context) => context.split('\n\n')[0])).size).toBeGreaterThan(2);
    expect(await contexts()).toEqual(first);
  });

  it('leaves tasks without examples as they are', async () => {
    const rows = [
      { passage: 'p', question: 'q', choices: { text: ['a', 'b'], label: ['A', 'B'] }, answerKey: 'A' },
    ];
    const data = memoryDatasets({ 'tasks/tiny_where.test.jsonl': rows });
    const warnings: string[] = [];
    const progress = (event: ProgressEvent) => event.type === 'warning' && warnings.push(event.message);
    const options = { model, numFewshot: 5, work: { progress } };
    const { record, samples } = await evaluate({ ...options, tasks: ['tiny_where'], data });
    expect(record['n-shot']).toEqual({ tiny_where: 0 });
    expect(warnings).toEqual([expect.stringContaining('tiny_where is always asked without examples')]);
    const rolling = await evaluate({ ...options, tasks: ['wikitext'], data: school });
    expect(rolling.record['n-shot']).toEqual({ wikitext: 0 });
    expect(warnings).toHaveLength(2);
    expect(samples.tiny_where![0]!.arguments.gen_args_1).toEqual({
      arg_0: 'p\nQuestion: q\nAnswer:',
      arg_1: ' b',
    });
  });

  it('reports what it does', async () => {
    const events: ProgressEvent[] = [];
    await evaluate({ tasks: ['arc_easy'], model, data: school, work: { progress: (e) => events.push(e) } });
    expect(events.map(({ type }) => type)).toEqual(['start', 'advance', 'end', 'start', 'advance', 'end']);
    expect(events[3]).toMatchObject({ total: 18, unit: 'requests' });
  });

  it('stops when told to', async () => {
    const work = { signal: AbortSignal.abort() };
    await expect(evaluate({ tasks: ['arc_easy'], model, data: school, work })).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });
});

describe('bad input', () => {
  const fails = (options: Partial<Parameters<typeof evaluate>[0]>) =>
    expect(evaluate({ tasks: ['arc_easy'], model, data: school, ...options })).rejects;

  it('is refused with its name', async () => {
    await fails({ tasks: ['arc_hard'] }).toMatchObject({ code: 'TASK_UNKNOWN' });
    await fails({ limit: 0 }).toMatchObject({ code: 'INPUT_INVALID', where: 'limit' });
    await fails({ limit: Number.NaN }).toMatchObject({ code: 'INPUT_INVALID' });
    await fails({ numFewshot: -1 }).toMatchObject({ code: 'INPUT_INVALID', where: 'numFewshot' });
    await fails({ numFewshot: 8 }).toMatchObject({ code: 'INPUT_INVALID' });
  });

  it.each([
    [{ question: 'q', choices: { text: ['a', 'b'], label: ['A', 'B'] }, answerKey: 'C' }, 'answerKey'],
    [{ question: 'q', choices: { text: ['a', 'b'], label: ['A'] }, answerKey: 'A' }, 'labels'],
    [{ question: 7, choices: { text: ['a', 'b'], label: ['A', 'B'] }, answerKey: 'A' }, 'question'],
  ])('of rows is named: %#', async (row, problem) => {
    const good = { question: 'q', choices: { text: ['a', 'b'], label: ['A', 'B'] }, answerKey: 'A' };
    await fails({ data: memoryDatasets({ 'allenai/ai2_arc/test': [good, row] }) }).toMatchObject({
      code: 'DATASET_INVALID',
      message: expect.stringMatching(new RegExp(`Row 2.*${problem}`)),
      where: 'allenai/ai2_arc/test',
    });
  });

  it('includes an empty split', async () => {
    await fails({ data: memoryDatasets({ 'allenai/ai2_arc/test': [] }) }).toMatchObject({
      code: 'DATASET_INVALID',
    });
  });
});

it('says how the model was set up', async () => {
  const settings = { add_bos_token: null, max_length: 512 };
  const options = { tasks: ['wikitext'], model: { ...model, settings }, data: school };
  const heading = async (limit?: number) => renderHeading((await evaluate({ ...options, limit })).record);
  expect(await heading()).toBe(
    'FakeLM (add_bos_token=null, max_length=512), limit: none, as lm-evaluation-harness 0.5.0.dev1',
  );
  expect(await heading(0.5)).toContain('limit: 0.5,');
});

it('prints one table of all tasks', async () => {
  const { record } = await evaluate({ tasks: ['gsm8k', 'arc_easy'], model, data: school });
  expect(renderTable(record)).toBe(`\
| Tasks  |Version|     Filter     |n-shot|  Metric   |   |Value |   |Stderr|
|--------|------:|----------------|-----:|-----------|---|-----:|---|-----:|
|arc_easy|      1|none            |     0|acc        |↑  |0.5000|±  |0.2236|
|        |       |none            |     0|acc_norm   |↑  |0.3333|±  |0.2108|
|gsm8k   |      3|flexible-extract|     5|exact_match|↑  |1.0000|±  |0.0000|
|        |       |strict-match    |     5|exact_match|↑  |0.8333|±  |0.1667|
`);
});

it('reports groups as the mean over all their documents, below their own line', async () => {
  const member = (task: string) => defineTask({ ...findTask('arc_easy'), task, task_alias: task.slice(5) });
  const inner = { group: 'area', members: [member('area_small')], metrics: ['acc'], version: 2 } as const;
  const outer = { ...inner, group: 'exam', members: [inner, member('exam_other')] };
  const { record } = await evaluate({ tasks: [outer, 'arc_easy'], model, data: school });
  expect(record.group_subtasks).toEqual({ exam: ['area', 'exam_other'], area: ['area_small'] });
  expect(record.groups!.exam).toEqual(record.results.exam);
  expect(record.results.exam).toMatchObject({
    'acc,none': 0.5,
    sample_len: 12,
    sample_count: { 'acc,none': 12 },
  });
  expect(record.results.exam!['acc_stderr,none']).toBeCloseTo(0.2236 / Math.SQRT2, 4);
  expect(renderTable(record)).toBe(`\
|  Tasks  |Version|Filter|n-shot| Metric |   |Value |   |Stderr|
|---------|------:|------|-----:|--------|---|-----:|---|-----:|
|exam     |      2|none  |      |acc     |   |0.5000|±  |0.1581|
| - area  |      2|none  |     0|acc     |↑  |0.5000|±  |0.2236|
|  - small|      1|none  |     0|acc     |↑  |0.5000|±  |0.2236|
|         |       |none  |     0|acc_norm|↑  |0.3333|±  |0.2108|
| - other |      1|none  |     0|acc     |↑  |0.5000|±  |0.2236|
|         |       |none  |     0|acc_norm|↑  |0.3333|±  |0.2108|
|arc_easy |      1|none  |     0|acc     |↑  |0.5000|±  |0.2236|
|         |       |none  |     0|acc_norm|↑  |0.3333|±  |0.2108|

|Groups |Version|Filter|n-shot|Metric|   |Value|   |Stderr|
|-------|------:|------|-----:|------|---|----:|---|-----:|
|exam   |      2|none  |      |acc   |   |  0.5|±  |0.1581|
| - area|      2|none  |     0|acc   |↑  |  0.5|±  |0.2236|
`);
});

describe('a model with a chat template', () => {
  const template = {
    source: 'the source',
    render: async (messages: readonly { role: string; content: string }[]) =>
      messages[0]!.role === 'system'
        ? { refusal: 'No system.' }
        : { text: messages.map(({ role, content }) => `<${role}>${content}`).join('') },
  };
  const ask = (tasks: string[], chat: object, systemInstruction?: string) =>
    evaluate({
      tasks,
      model: fakeModel(schoolAnswers),
      data: school,
      limit: 2,
      numFewshot: 1,
      systemInstruction,
      chat: { template, fewshotAsMultiturn: true, ...chat },
    });

  it('is recorded with it, and asked without a system that it refuses', async () => {
    const { record, samples } = await ask(['arc_easy'], { templateArgs: { a: 1 } }, 'Be good.');
    expect(record).toMatchObject({
      chat_template: 'the source',
      chat_template_args: { a: 1 },
      fewshot_as_multiturn: true,
      system_instruction: 'Be good.',
    });
    expect(record.chat_template_sha).toMatch(/^[0-9a-f]{64}$/);
    const { arg_0: context, arg_1: continuation } = samples.arc_easy![0]!.arguments.gen_args_0!;
    expect(context).toMatch(/^<user>Question: .*<assistant>\w+<user>Question: .*\nAnswer:$/s);
    expect(continuation).toMatch(/^\S/);
  });

  it('tells what its template refuses', async () => {
    const refuses = { ...template, render: async () => ({ refusal: 'Never.' }) };
    await expect(ask(['arc_easy'], { template: refuses })).rejects.toMatchObject({
      code: 'CHAT_TEMPLATE_FAILED',
      message: expect.stringContaining('Never.'),
    });
  });

  it('generates its answers, and has none scored that are given, if it thinks first', async () => {
    await ask(['gsm8k'], { enableThinking: true });
    await expect(ask(['arc_easy'], { enableThinking: true })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      where: 'enableThinking',
    });
  });
});
