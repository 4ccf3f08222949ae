import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ProgressEvent } from '@moepress/core';
import { parquetWriteFile } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryDatasets } from '../testing/memory.js';
import { byteTokenizer } from '../testing/toy-tokenizers.js';
import { parseCalibration } from './calibration-spec.js';
import { type CalibrationOptions, loadCalibration, loadTraining } from './load-calibration.js';

const tokenizer = byteTokenizer();
const sums = Array.from({ length: 20 }, (_, i) => ({
  question: `What is ${i} + 1?`,
  answer: `#### ${i + 1}`,
}));
const datasets = memoryDatasets({
  'openai/gsm8k/train': sums,
  'allenai/ai2_arc/train': [
    { question: 'Sky?', choices: { text: ['red', 'blue'], label: ['A', 'B'] }, answerKey: 'B' },
  ],
  'EleutherAI/wikitext_document_level/train': [{ page: 'A well @-@ known car .' }],
  'Salesforce/wikitext/train': [
    '',
    ' = Car = \n',
    '',
    ' Red . \n',
    ' = = Use = = \n',
    ' = Bus = \n',
    ' Big . \n',
  ].map((text) => ({ text })),
  'some/letters/train': [...'abcdefgh'].map((letter) => ({ body: letter.repeat(3), size: 3 })),
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moepress-calibration-'));
  const lines = '{"text":"one","body":"eins"}\n{"text":"two","body":"zwei"}\n';
  await writeFile(path.join(folder, 'a.txt'), 'one\nmore\n\n\ntwo\n');
  await writeFile(path.join(folder, 'a.jsonl'), lines);
  await writeFile(path.join(folder, 'a.jsonl.gz'), gzipSync(lines));
  await writeFile(path.join(folder, 'blank.txt'), '\n \n');
  await writeFile(path.join(folder, 'crlf.txt'), 'one\r\nmore\r\n\r\n\r\ntwo\r\n');
  await writeFile(path.join(folder, 'a+b, [c].txt'), 'one\n\ntwo\n');
  await writeFile(
    path.join(folder, 'gaps.jsonl'),
    '{"text":"one"}\n{"text":null,"n":1}\n{"n":2}\n{"text":"two"}\n',
  );
  await writeFile(path.join(folder, 'empty.jsonl'), '{"text":null,"body":"eins"}\n');
  await writeFile(path.join(folder, 'broken.jsonl'), '{"text":');
  parquetWriteFile({
    filename: path.join(folder, 'a.parquet'),
    columnData: [{ name: 'body', data: ['eins', 'zwei'], type: 'STRING' }],
  });
});
afterAll(() => rm(folder, { recursive: true }));

const load = (spec: string, options: Partial<CalibrationOptions> = {}) =>
  loadCalibration(parseCalibration(spec), { datasets, tokenizer, maxPositions: 4096, seed: 0, ...options });

async function textsOf(spec: string, options: Partial<CalibrationOptions> = {}): Promise<string[]> {
  const { sequences } = await load(spec, options);
  return sequences.map((ids) => tokenizer.decode(ids, { skipSpecialTokens: false }));
}

describe('loadCalibration', () => {
  it.each([
    ['a.txt', ['one\nmore', 'two']],
    ['crlf.txt', ['one\nmore', 'two']],
    ['gaps.jsonl', ['one', 'two']],
    ['a.jsonl', ['one', 'two']],
    ['a.jsonl[body]', ['eins', 'zwei']],
    ['a.jsonl.gz', ['one', 'two']],
    ['a.parquet[body]:2', ['eins', 'zwei']],
  ])('reads the documents of %s', async (name, texts) => {
    expect(await textsOf(path.join(folder, name))).toEqual(texts);
  });

  it('reads a file with any name in quotes', async () => {
    expect(await textsOf(`"${path.join(folder, 'a+b, [c].txt')}":2`)).toEqual(['one', 'two']);
  });

  it('says which columns there are where one holds nothing at all', async () => {
    await expect(load(path.join(folder, 'empty.jsonl'))).rejects.toMatchObject({
      code: 'CALIBRATION_INVALID',
      hint: expect.stringContaining('body'),
    });
    await expect(load(path.join(folder, 'a.parquet'))).rejects.toMatchObject({
      hint: expect.stringContaining('body'),
    });
  });

  it('reads a column of a dataset', async () => {
    expect(await textsOf('some/letters[default,train,body]')).toHaveLength(8);
  });

  it('reads named sets, those of the caller too', async () => {
    expect(await textsOf('wikitext')).toEqual([
      ' = Car = \n \n Red . \n = = Use = = \n',
      ' = Bus = \n Big . \n',
    ]);
    const files = { mine: path.join(folder, 'a.txt') };
    expect(await textsOf('mine:1x10', { files, seed: 1 })).toHaveLength(1);
  });

  it('renders solved questions as the task shows its examples', async () => {
    expect((await textsOf('gsm8k[train]'))[4]).toBe('Question: What is 4 + 1?\nAnswer: #### 5');
    expect(await textsOf('arc_easy[train]')).toEqual(['Question: Sky?\nAnswer: blue']);
    expect(await textsOf('wikitext[train]')).toEqual(['A well-known car .']);
  });

  it('packs documents end to end with the end-of-text token', async () => {
    const spec = 'some/letters[default,train,body]';
    const packed = await textsOf(`${spec}:4x7`);
    const stream = packed.join('');
    expect(new Set(stream.match(/([a-h])\1\1(?=<\|end\|>)/g))).toHaveProperty('size', 7);
    const { sequences } = await load(`${spec}:4x7`);
    expect(sequences.map((ids) => ids.length)).toEqual([7, 7, 7, 7]);
  });

  it('cuts a document at what the model reads', async () => {
    expect(await textsOf(path.join(folder, 'a.txt'), { maxPositions: 2 })).toEqual(['on', 'tw']);
  });

  it('lets the seed choose, and gives a part the same sequences in company', async () => {
    const [first, again, other] = [
      await textsOf('gsm8k[train]:5', { seed: 7 }),
      await textsOf('gsm8k[train]:5', { seed: 7 }),
      await textsOf('gsm8k[train]:5', { seed: 8 }),
    ];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    expect(new Set(first).size).toBe(5);
    const both = await load('some/letters[default,train,body]:3 , gsm8k[train]:5', { seed: 7 });
    expect(both.sequences.slice(3)).toEqual((await load('gsm8k[train]:5', { seed: 7 })).sequences);
    expect(both).toMatchObject({ source: 'some/letters[default,train,body]:3+gsm8k[train]:5', seed: 7 });
  });

  it('tokenises no more documents than it takes', async () => {
    let encoded = 0;
    const counting = {
      ...tokenizer,
      encode(text: string) {
        encoded++;
        return tokenizer.encode(text);
      },
    };
    await load('gsm8k[train]:3', { tokenizer: counting });
    expect(encoded).toBe(3);
    await load('some/letters[default,train,body]:1x5', { tokenizer: counting });
    expect(encoded).toBe(5);
  });

  it('tells how far it is, and stops when told to', async () => {
    const events: ProgressEvent[] = [];
    const controller = new AbortController();
    const progress = (event: ProgressEvent) => {
      events.push(event);
      if (event.type === 'advance' && event.done === 2) controller.abort();
    };
    const { signal } = controller;
    await expect(load('gsm8k[train]:9', { progress, signal })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(events[0]).toMatchObject({ type: 'start', total: 9, unit: 'sequences' });
    expect(events.at(-1)).toMatchObject({ type: 'advance', done: 2 });
  });
});

describe('loadTraining', () => {
  const learn = (spec: string, options: Partial<CalibrationOptions> = {}) =>
    loadTraining(parseCalibration(spec), { datasets, tokenizer, maxPositions: 4096, seed: 0, ...options });
  const parts = (ids: readonly number[], from: number) =>
    [ids.slice(0, from), ids.slice(from)].map((part) => tokenizer.decode(part, { skipSpecialTokens: false }));

  it('learns the answer to a question and where it ends', async () => {
    const { sequences } = await learn('gsm8k[train]');
    const [question, answer] = parts(sequences[4]!.ids, sequences[4]!.from);
    expect(question).toBe('Question: What is 4 + 1?\nAnswer:');
    expect(answer).toBe(' #### 5<|end|>');
  });

  it('learns all of a text, and of what is packed', async () => {
    const { sequences } = await learn(path.join(folder, 'a.txt'));
    expect(sequences.map(({ ids, from }) => parts(ids, from).join('|'))).toEqual([
      'o|ne\nmore<|end|>',
      't|wo<|end|>',
    ]);
    const packed = await learn('gsm8k[train]:2x50');
    expect(packed.sequences.map(({ ids, from }) => [ids.length, from])).toEqual([
      [50, 1],
      [50, 1],
    ]);
  });

  it('leaves out what is cut before its answer', async () => {
    const { sequences } = await learn('gsm8k[train]', { maxPositions: 36 });
    expect(sequences.length).toBeGreaterThan(0);
    expect(sequences.every(({ ids, from }) => from < ids.length)).toBe(true);
    await expect(learn('gsm8k[train]', { maxPositions: 10 })).rejects.toMatchObject({
      code: 'CALIBRATION_INVALID',
    });
  });
});

describe('loadCalibration refuses', () => {
  it.each([
    ['a set nobody knows', 'wikitxt:8', /"wikitxt".*"wikitext"/, /Pick from wikitext, c4/],
    ['a task without its split', 'gsm8k:8', /"gsm8k"/, /gsm8k\[train\]/],
    ['a split the task has not', 'gsm8k[dev]:8', /no split "dev"/, /train, test/],
    ['more documents than there are', 'gsm8k[train]:21', /20 documents, and 21/, /Ask for 20/],
    ['more than can be packed', 'some/letters[default,train,body]:5x7', /4 sequences of 7/, /Ask for 4/],
    ['a column that is not there', 'some/letters[default,train,text]', /Row 1.*"text"/, /has: body/],
    ['a column of numbers', 'some/letters[default,train,size]', /Row 1.*"size"/, /has: body/],
    ['sequences longer than the model reads', 'gsm8k[train]:2x4097', /4096 tokens at most/, /:2x4096/],
  ])('%s', async (_, spec, message, hint) => {
    await expect(load(spec)).rejects.toMatchObject({
      code: 'CALIBRATION_INVALID',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });

  it.each([
    ['no.txt', 'CALIBRATION_INVALID', /file does not exist/],
    ['blank.txt', 'CALIBRATION_INVALID', /no text/],
    ['a.txt:1x99', 'CALIBRATION_INVALID', /gives 0 sequences of 99 tokens/],
    ['broken.jsonl', 'DATASET_INVALID', /Not JSON/],
  ])('%s', async (name, code, message) => {
    await expect(load(path.join(folder, name))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it('a task nobody knows, by the option that named it', async () => {
    await expect(load('gsm8[train]:8')).rejects.toMatchObject({
      code: 'TASK_UNKNOWN',
      message: expect.stringContaining('gsm8k'),
      where: 'calibration',
    });
  });
});

describe('conversations', () => {
  const talks = [
    { messages: [user('Hi'), assistant('Hello'), user('Bye'), assistant('So long')] },
    {
      messages: [{ role: 'system', content: 'Be good.' }, user('2 + 2?'), assistant('4')],
      tools: '[{"name":"add"}]',
    },
    { messages: null },
    {
      messages: [
        { from: 'human', value: 'A?' },
        { from: 'gpt', value: 'B' },
      ],
    },
  ];
  const files = { 'some/talks/train': talks };

  function user(content: string) {
    return { role: 'user', content };
  }
  function assistant(content: string) {
    return { role: 'assistant', content, tool_calls: null };
  }

  let closed = 0;
  const openTemplate: CalibrationOptions['openTemplate'] = async (choice) => ({
    source: 'the source',
    async render(messages, { addGenerationPrompt, tools }) {
      const given = messages as readonly { role: string; content: string; tool_calls?: null }[];
      if (given.some((message) => 'tool_calls' in message)) return { refusal: 'Null is no list.' };
      const shown = tools ? `(${JSON.stringify(tools)})` : '';
      const name = choice.template ?? '';
      const turns = given.map(({ role, content }) => `<${role[0]}>${content};`);
      return { text: `${name}${shown}${turns.join('')}${addGenerationPrompt ? '<a>' : ''}` };
    },
    async close() {
      closed++;
    },
  });
  const options = { datasets: memoryDatasets(files), openTemplate };
  const read = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecialTokens: false });

  it('are read by the chat template, with what tools there are', async () => {
    closed = 0;
    expect(await textsOf('some/talks[default,train,messages]', options)).toEqual([
      '<u>Hi;<a>Hello;<u>Bye;<a>So long;',
      '([{"name":"add"}])<s>Be good.;<u>2 + 2?;<a>4;',
      '<u>A?;<a>B;',
    ]);
    expect(closed).toBe(1);
    const [named] = await textsOf('some/talks[default,train,messages,template=x]:1', options);
    expect(named).toMatch(/^x/);
    const packed = await textsOf('some/talks[default,train,messages]:2x8', options);
    expect(packed.map((text) => text.length)).toEqual([8, 8]);
  });

  it('count as a whole or in their answers alone', async () => {
    const spec = 'some/talks[default,train,messages,answers]';
    const { source, sequences, counted } = await load(spec, options);
    expect(source).toBe(spec);
    const answers = counted!.map((ranges, i) =>
      ranges.map(([from, to]) => read(sequences[i]!.slice(from, to))),
    );
    expect(answers).toEqual([['Hello;', 'So long;'], ['4;'], ['B;']]);
    expect(await load('some/talks[default,train,messages]', options)).not.toHaveProperty('counted');
    // Of other sets beside them all tokens count.
    const both = await load(`${path.join(folder, 'a.jsonl')}+${spec}:1`, options);
    expect(both.counted!.slice(0, 2)).toEqual([[[0, 3]], [[0, 3]]]);
    expect(both.counted).toHaveLength(3);
  });

  it('are learned as a whole, or the last answer', async () => {
    const learn = (spec: string) =>
      loadTraining(parseCalibration(spec), { ...options, tokenizer, maxPositions: 4096, seed: 0 });
    const [whole] = (await learn('some/talks[default,train,messages]')).sequences;
    expect(whole!.from).toBe(1);
    const [last] = (await learn('some/talks[default,train,messages,answers]')).sequences;
    expect(read(last!.ids.slice(last!.from))).toBe('So long;');
  });

  it.each([
    ['some/talks[default,train,messages,answers]:2x8', 'Packed'],
    ['some/letters[default,train,body,answers]', 'holds texts'],
    ['some/odd[default,train,messages]', 'row 2'],
    ['some/tools[default,train,messages]', 'tools'],
  ])('are refused where they are none: %s', async (spec, problem) => {
    const odd = {
      ...files,
      'some/letters/train': [{ body: 'abc' }],
      'some/odd/train': [talks[0]!, { messages: [{ content: 'x' }] }],
      'some/tools/train': [{ ...talks[0]!, tools: '{' }],
    };
    const failing = load(spec, { openTemplate, datasets: memoryDatasets(odd) });
    await expect(failing).rejects.toMatchObject({ code: 'CALIBRATION_INVALID' });
    const { message, where } = await failing.catch((error) => error);
    expect(`${where}: ${message}`).toContain(problem);
  });

  it('tell which row the template refuses', async () => {
    const refusing: CalibrationOptions['openTemplate'] = async (choice) => ({
      ...(await openTemplate(choice)),
      render: async () => ({ refusal: 'No.' }),
    });
    await expect(
      load('some/talks[default,train,messages]:1', { ...options, openTemplate: refusing }),
    ).rejects.toMatchObject({ code: 'CHAT_TEMPLATE_FAILED', where: expect.stringContaining('row') });
  });
});
