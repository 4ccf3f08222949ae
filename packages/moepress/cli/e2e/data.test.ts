import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress } from './command.js';

/** Invented rows in the columns of the two datasets. */
const arc = [
  ['Which of these can fly?', 'a sparrow', 'a stone', 'a spoon'],
  ['What do plants need?', 'light', 'paint'],
  ['Which is the coldest?', 'ice', 'steam', 'tea', 'lava'],
].map(([question, ...text], i) => ({
  id: `q-${i}`,
  question: question!,
  choices: { text, label: text.map((_, j) => 'ABCD'[j]!) },
  answerKey: 'A',
}));
const gsm = [
  [31, 12],
  [45, 20],
  [28, 13],
].map(([had, lost]) => ({
  question: `Ben had ${had} cups. He lost ${lost} of them. How many cups does Ben have left?`,
  answer: `Ben has ${had} - ${lost} = ${had! - lost!} cups left.\n#### ${had! - lost!}`,
}));

const lines = (rows: readonly object[]) => `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`;

const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' } as const;
const texts = (name: string) =>
  [
    { name, num_children: 1, converted_type: 'LIST', repetition_type: 'OPTIONAL' },
    { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
    { name: 'element', ...text },
  ] as const;
const column = <Row>(rows: readonly Row[], name: keyof Row & string) => ({
  name,
  data: rows.map((row) => row[name]),
});

const arcParquet = parquetWriteBuffer({
  columnData: (['id', 'question', 'choices', 'answerKey'] as const).map((name) => column(arc, name)),
  schema: [
    { name: 'root', num_children: 4 },
    { name: 'id', ...text },
    { name: 'question', ...text },
    { name: 'choices', num_children: 2, repetition_type: 'OPTIONAL' },
    ...texts('text'),
    ...texts('label'),
    { name: 'answerKey', ...text },
  ],
});
const gsmParquet = parquetWriteBuffer({
  columnData: (['question', 'answer'] as const).map((name) => ({ ...column(gsm, name), type: 'STRING' })),
});

const formats = {
  jsonl: { arc: lines(arc), gsm: lines(gsm) },
  'jsonl.gz': { arc: gzipSync(lines(arc)), gsm: gzipSync(lines(gsm)) },
  parquet: { arc: new Uint8Array(arcParquet), gsm: new Uint8Array(gsmParquet) },
};
type Format = keyof typeof formats;

/** Both datasets with the same rows in both splits. */
function writeAll(folder: string, format: Format): void {
  const folders = { arc: join(folder, 'allenai/ai2_arc/ARC-Easy'), gsm: join(folder, 'openai/gsm8k/main') };
  for (const name of ['arc', 'gsm'] as const) {
    mkdirSync(folders[name], { recursive: true });
    for (const split of ['train', 'test']) {
      writeFileSync(join(folders[name], `${split}.${format}`), formats[format][name]);
    }
  }
}

/** Nothing listens there: what is not in the folder is nowhere. */
const evaluate = (folder: string, tasks: string, ...more: string[]) =>
  moepress(['eval', 'tiny', '--tasks', tasks, '--data', folder, '--num-fewshot', '2', ...more], {
    env: { HF_ENDPOINT: 'http://127.0.0.1:1', HF_HOME: join(folder, 'hf') },
  });

describe('moepress eval --data', () => {
  it('scores the same rows alike from every kind of file, with examples of the train split', async () => {
    const records = await Promise.all(
      Object.keys(formats).map((format) =>
        inTemporaryFolder(async (folder) => {
          writeAll(folder, format as Format);
          const { code, stdout, stderr } = await evaluate(folder, 'arc_easy,gsm8k', '--json');
          expect(stderr).not.toContain('"error"');
          expect(code).toBe(0);
          return JSON.parse(stdout);
        }),
      ),
    );
    for (const { results, task_hashes: hashes, 'n-shot': shots, 'n-samples': samples } of records) {
      expect(results).toEqual(records[0].results);
      expect(hashes).toEqual(records[0].task_hashes);
      expect(shots).toEqual({ arc_easy: 2, gsm8k: 2 });
      expect(samples.arc_easy).toEqual({ original: 3, effective: 3 });
      expect(results.gsm8k['exact_match,strict-match']).toBe(1);
    }
  });

  const damages: readonly [
    problem: string,
    file: string,
    content: string | Uint8Array | null,
    told: string,
  ][] = [
    [
      'a row of another task',
      'test.jsonl',
      lines([gsm[0]!, arc[0]!]),
      'Row 2 does not match the schema of gsm8k: answer',
    ],
    ['a line that is no JSON', 'train.jsonl', `${lines(gsm)}{"question":`, 'line 4'],
    ['no examples', 'train.jsonl', null, 'Split train of openai/gsm8k'],
    ['half a gzip file', 'test.jsonl.gz', formats['jsonl.gz'].gsm.subarray(0, 50), 'unpacked'],
    [
      'half a Parquet file',
      'test.parquet',
      formats.parquet.gsm.subarray(0, 200),
      'Parquet file cannot be read',
    ],
  ];
  it.each(damages)('refuses %s', (_, name, content, told) =>
    inTemporaryFolder(async (folder) => {
      const [, split, format] = /^(\w+)\.(.+)$/.exec(name)!;
      writeAll(folder, format as Format);
      const file = join(folder, 'openai/gsm8k/main', name);
      if (content === null) rmSync(file);
      else writeFileSync(file, content);
      const { code, stdout, stderr } = await evaluate(folder, 'gsm8k');
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain(told);
      expect(stderr).toContain(join(folder, 'openai/gsm8k/main', `${split}.`));
    }),
  );
});
