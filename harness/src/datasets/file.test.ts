import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteFile } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRows } from './file.js';
import { parseJsonLines } from './jsonl.js';
import { checkSize, maxBytes } from './limits.js';
import { parseText } from './text-rows.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moepress-rows-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function written(name: string, content: string | Uint8Array): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, content);
  return file;
}

const rows = [
  { question: 'é漢😀?', n: 1, choices: { text: ['a', 'b'], label: ['A', 'B'] } },
  { question: 'Why?', n: 2, choices: { text: ['c'], label: ['A'] } },
];
const lines = rows.map((row) => JSON.stringify(row)).join('\n');

describe('readRows', () => {
  it('refuses a folder and what is not there', async () => {
    const where = path.join(folder, 'folder.jsonl');
    await mkdir(where);
    await expect(readRows(where)).rejects.toMatchObject({ code: 'DATASET_INVALID', where });
    await expect(readRows(`${where}.gz`)).rejects.toMatchObject({ code: 'DATASET_INVALID' });
  });

  it('reads JSON lines, packed or not', async () => {
    expect(await readRows(await written('a.jsonl', `${lines}\n\n`))).toEqual(rows);
    expect(await readRows(await written('a.jsonl.gz', gzipSync(lines)))).toEqual(rows);
  });

  it('reads Parquet with lists in structs, columns in their order', async () => {
    const file = path.join(folder, 'a.parquet');
    parquetWriteFile({
      filename: file,
      columnData: [
        { name: 'question', data: rows.map((row) => row.question) },
        { name: 'n', data: [1n, 2n] },
        { name: 'choices', data: rows.map((row) => row.choices) },
      ],
      schema: [
        { name: 'root', num_children: 3 },
        { name: 'question', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        { name: 'n', type: 'INT64', repetition_type: 'OPTIONAL' },
        { name: 'choices', num_children: 2, repetition_type: 'OPTIONAL' },
        ...['text', 'label'].flatMap((name) => [
          { name, num_children: 1, converted_type: 'LIST', repetition_type: 'OPTIONAL' } as const,
          { name: 'list', num_children: 1, repetition_type: 'REPEATED' } as const,
          {
            name: 'element',
            type: 'BYTE_ARRAY',
            converted_type: 'UTF8',
            repetition_type: 'OPTIONAL',
          } as const,
        ]),
      ],
    });
    const read = await readRows(file);
    expect(read).toEqual(rows);
    expect(JSON.stringify(read)).toBe(JSON.stringify(rows));
  });

  it('reads the documents of a text', async () => {
    const file = await written('a.txt', 'one\ntwo\n\nthree\n \n\n  four\n');
    expect(await readRows(file)).toEqual([{ text: 'one\ntwo' }, { text: 'three' }, { text: '  four' }]);
  });

  it.each([
    ['truncated.parquet', 'PAR1 and no more'],
    ['broken.jsonl.gz', 'not gzip'],
    ['truncated.jsonl.gz', gzipSync(lines).subarray(0, 40)],
    ['empty.jsonl.gz', ''],
    ['empty.parquet', ''],
    ['broken.jsonl', new Uint8Array([0x7b, 0xff, 0x7d])],
  ])('refuses %s, naming it', async (name, content) => {
    const file = await written(name, content);
    await expect(readRows(file)).rejects.toMatchObject({ code: 'DATASET_INVALID', where: file });
  });
});

it('limits how much a file may hold', () => {
  expect(() => checkSize(maxBytes, 'f')).not.toThrow();
  expect(() => checkSize(maxBytes + 1, 'f')).toThrow(
    expect.objectContaining({ code: 'DATASET_INVALID', where: 'f' }),
  );
});

it('names the line that is not a JSON object', () => {
  const invalid = (where: string) => expect.objectContaining({ code: 'DATASET_INVALID', where });
  expect(() => parseJsonLines('{}\n{"a":', 'f')).toThrow(invalid('f, line 2'));
  expect(() => parseJsonLines('[1]', 'f')).toThrow(invalid('f, line 1'));
});

describe('parseText', () => {
  const texts = (text: string, by: Parameters<typeof parseText>[1]) =>
    parseText(text, by, 'f').map((row) => row.text);

  it('finds no documents in blanks', () => {
    expect(parseText('\n\n\n', 'document', 'f')).toEqual([]);
  });

  it('finds lines and paragraphs as Python does', () => {
    const text = 'one\ntwo\n\n\nthree\n \nfour\n';
    expect(texts(text, 'paragraph')).toEqual(['one\ntwo', '\nthree\n \nfour\n']);
    expect(texts(text, 'line')).toEqual(['one', 'two', '', '', 'three', ' ', 'four']);
    expect(texts(text, 'document')).toEqual(['one\ntwo', 'three', 'four']);
  });

  it.each(['line', 'paragraph', 'document'] as const)('takes the line breaks of any system (%s)', (by) => {
    const text = 'one\ntwo\n\nthree\n\n\n four\n';
    expect(texts(text.replaceAll('\n', '\r\n'), by)).toEqual(texts(text, by));
    expect(texts(text.replaceAll('\n', '\r'), by)).toEqual(texts(text, by));
  });
});

describe('JSON and CSV', () => {
  const read = async (name: string, content: string | Uint8Array, options = {}) =>
    readRows(await written(name, content), options);
  const both = [{ text: 'a' }, { text: 'b' }];

  it.each([
    ['a list of objects', '[{"text": "a"},\n {"text": "b"}]\n'],
    ['a list of texts', '["a", "b"]'],
    ['an object a line', '{"text": "a"}\r\n{"text": "b"}\r\n'],
    ['columns', '{\n  "text": ["a", "b"]\n}'],
    ['a byte order mark before them', '\uFEFF{"text": "a"}\n{"text": "b"}'],
  ])('reads %s', async (_, content) => {
    expect(await read('a.json', content)).toEqual(both);
    expect(await read('a.jsonl', content)).toEqual(both);
  });

  it('reads what is under a key', async () => {
    expect(
      await read('a.json', '{"version": 1, "rows": [{"text": "a"}, {"text": "b"}]}', { field: 'rows' }),
    ).toEqual(both);
    await expect(read('a.json', '{"rows": 3}', { field: 'rows' })).rejects.toMatchObject({
      code: 'DATASET_INVALID',
    });
  });

  it('says which row of a list is none', async () => {
    await expect(read('a.json', '[{"a": 1}, 2]')).rejects.toMatchObject({
      where: expect.stringMatching(/a\.json, row 2$/),
    });
    await expect(read('a.json', '{\n"a": [1],\n"b": [1, 2]}')).rejects.toMatchObject({
      code: 'DATASET_INVALID',
    });
  });

  it('reads tables as pandas does', async () => {
    const table =
      'id,text,score,flag,id\n1,"a ""quoted"", one\nline",0.5,True,x\n2,NA,,False,y\n\n3,c,2,True\n';
    expect(await read('a.csv', table)).toEqual([
      { id: 1, text: 'a "quoted", one\nline', score: 0.5, flag: true, 'id.1': 'x' },
      { id: 2, text: null, score: null, flag: false, 'id.1': 'y' },
      { id: 3, text: 'c', score: 2, flag: true, 'id.1': null },
    ]);
    expect(await read('a.tsv', 'text\tn\na,b\t1\n')).toEqual([{ text: 'a,b', n: 1 }]);
    expect(await read('b.csv', 'text;n\na;1\n', { separator: ';' })).toEqual([{ text: 'a', n: 1 }]);
    expect(await read('c.csv', '')).toEqual([]);
    await expect(read('d.csv', 'a,b\n1,2,3\n')).rejects.toMatchObject({ code: 'DATASET_INVALID' });
  });

  it.each([
    ['packed lines of nothing', 'bomb.jsonl.gz', () => gzipSync('{}\n'.repeat(12_000_000), { level: 1 })],
    ['lines of nothing', 'lines.jsonl', () => '{}\n'.repeat(3_000_000)],
    ['lists of nothing', 'lists.jsonl', () => `{"a": [${'[],'.repeat(4_000_000)}[]]}`],
    ['a list of lists', 'lists.json', () => `[${'[],'.repeat(4_000_000)}[]]`],
    ['a text of line breaks', 'lines.txt', () => '\n'.repeat(4_000_000)],
    ['a table of commas', 'commas.csv', () => ','.repeat(4_000_000)],
    [
      'a table much wider than its records',
      'wide.csv',
      () => `${'a,'.repeat(20_000)}\n${'1\n'.repeat(20_000)}`,
    ],
  ])('does not fill the memory with %s', async (_, name, content) => {
    await expect(read(name, content())).rejects.toMatchObject({ code: 'DATASET_INVALID' });
  });

  it('finds numbers in linear time, and names that are there often', async () => {
    const digits = `${'1'.repeat(200_000)}x`;
    expect(await read('digits.csv', `a\n${digits}\n`)).toEqual([{ a: digits }]);
    expect(Object.keys((await read('names.csv', `${'a,'.repeat(20_000)}a\n1\n`))[0]!)).toHaveLength(20_001);
  });

  it('does not read what it does not know', async () => {
    await expect(read('a.arrow', 'x')).rejects.toMatchObject({ code: 'DATASET_INVALID' });
  });
});
