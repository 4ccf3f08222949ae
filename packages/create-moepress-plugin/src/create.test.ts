import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as prompts from '@clack/prompts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from './main.js';
import { kindNames, kinds } from './plugin-kinds.js';
import { renderPlugin } from './render.js';
import { writeFolder } from './write.js';

vi.mock('@clack/prompts', { spy: true });

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'create-moepress-'));
});
afterAll(() => rmSync(root, { recursive: true }));

/** What the command says on both streams, and its exit code. */
async function create(...args: string[]) {
  const said: string[] = [];
  const spies = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation((chunk) => said.push(String(chunk)) > 0),
  );
  try {
    return { code: await main(args), said: said.join('') };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

describe.each(kindNames)('a %s', (kind) => {
  const files = renderPlugin({ name: 'long-nights', kind, version: '0.1.0' });

  test('is a whole package of its own name', () => {
    expect([...files.keys()]).toEqual(
      expect.arrayContaining([
        '.github/workflows/ci.yml',
        '.gitignore',
        'README.md',
        'package.json',
        'src/index.test.ts',
        'src/index.ts',
        'tsconfig.json',
      ]),
    );
    for (const [path, content] of files) expect([path, content].join()).not.toMatch(/example.?name|%usage%/i);
    expect(files.get('src/index.ts')).toContain('export const longNights');
    const { name, moepress, peerDependencies, devDependencies, scripts } = JSON.parse(
      files.get('package.json')!,
    );
    expect(name).toBe('moepress-plugin-long-nights');
    // What tsc writes of the tests is not run, too.
    expect(scripts.test).toBe('tsc && vitest run --dir src');
    expect(moepress).toEqual({ [kinds[kind].declares]: ['long-nights'] });
    expect(peerDependencies['@moepress/core']).toBe('>=0.1.0 <1.0.0');
    expect(devDependencies['@moepress/testkit']).toBe('^0.1.0');
  });

  test('imports what it declares', () => {
    const { dependencies = {}, peerDependencies } = JSON.parse(files.get('package.json')!);
    const imported = [...files.get('src/index.ts')!.matchAll(/from '([^.][^']*)'/g)].map(([, name]) => name!);
    const own = new Set(imported.filter((name) => !name.startsWith('node:')));
    expect([...own].sort()).toEqual([...Object.keys(dependencies), ...Object.keys(peerDependencies)].sort());
  });
});

test('a name that is a word of the language names no constant', () => {
  const files = renderPlugin({ name: 'default', kind: 'scorer', version: '0.1.0' });
  expect(files.get('src/index.ts')).toContain('export const defaultPlugin: Scorer');
});

test('a folder is written whole, and never over another', async () => {
  const folder = join(root, 'whole');
  expect(await create('loudest', '--kind', 'task', '--dir', folder)).toMatchObject({ code: 0 });
  expect(readdirSync(folder).sort()).toContain('data');
  writeFileSync(join(folder, 'package.json'), 'mine');
  const again = await create('loudest', '--kind', 'task', '--dir', folder);
  expect(again).toMatchObject({ code: 1, said: expect.stringContaining('There is something at') });
  expect(readFileSync(join(folder, 'package.json'), 'utf8')).toBe('mine');
});

describe('at a terminal', () => {
  const stopped = Symbol('Ctrl-C');
  const asked: string[] = [];
  /** What the user answers to what he is asked, in turn. */
  let answers: unknown[] = [];
  const isTTY = process.stdin.isTTY;
  const answer = ({ message }: { readonly message: string }) => {
    asked.push(message);
    return answers.shift();
  };

  beforeEach(() => {
    asked.length = 0;
    process.stdin.isTTY = true;
    vi.spyOn(prompts, 'text').mockImplementation(async (one) => answer(one) as string);
    vi.spyOn(prompts, 'select').mockImplementation(async (one) => answer(one) as never);
    vi.spyOn(prompts, 'isCancel').mockImplementation((value): value is symbol => value === stopped);
  });
  afterEach(() => {
    process.stdin.isTTY = isTTY;
    vi.restoreAllMocks();
  });

  test('what is missing is asked for', async () => {
    answers = ['scorer'];
    const folder = join(root, 'asked');
    expect(await create('loudest', '--dir', folder)).toMatchObject({ code: 0 });
    expect(asked).toEqual(['What is it?']);
    expect(readdirSync(folder)).toContain('package.json');
  });

  test('Ctrl-C ends it, and nothing is written', async () => {
    answers = [stopped, 'scorer'];
    const folder = join(root, 'stopped');
    const { code, said } = await create('--dir', folder);
    expect({ code, asked, isThere: existsSync(folder) }).toEqual({
      code: 1,
      asked: ['What is it called?'],
      isThere: false,
    });
    expect(said).toContain('Nothing was written.');
  });

  test.each([
    ['a wrong kind', ['--kind', 'planet'], 'There is no kind "planet"'],
    ['a wrong name', ['Bad_Name'], 'is no name of a plugin'],
  ])('%s is refused before anything is asked', async (_, args, message) => {
    answers = ['x', 'x'];
    expect(await create(...args)).toMatchObject({ code: 1, said: expect.stringContaining(message) });
    expect(asked).toEqual([]);
  });
});

test('nothing half-written stays where writing fails', () => {
  const parent = join(root, 'failing');
  mkdirSync(parent);
  // A file cannot be a folder too.
  const files = new Map([
    ['a', 'text'],
    ['a/b', 'text'],
  ]);
  expect(() => writeFolder(join(parent, 'plugin'), files)).toThrow(/could not be written/);
  expect(readdirSync(parent)).toEqual([]);
});

test.each([
  ['a wrong name', ['Bad_Name', '--kind', 'task'], 'is no name of a plugin'],
  ['a wrong kind', ['good', '--kind', 'planet'], 'Give one of scorer, compressor'],
  ['an unknown flag', ['good', '--colour', 'red'], 'See --help'],
  ['two names', ['one', 'two', '--kind', 'task'], 'One name is wanted'],
  ['no folder to write in', ['good', '--kind', 'task', '--dir', '/there/is/none'], 'There is no folder'],
])('%s is refused', async (_, args, message) => {
  expect(await create(...args)).toMatchObject({ code: 1, said: expect.stringContaining(message) });
});
