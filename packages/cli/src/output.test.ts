import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkCheckpointOutput, checkFileOutput, checkFolderOutput, makeParent } from './output.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'moepress-output-'));
  mkdirSync(join(root, 'empty'));
  writeFileSync(join(root, 'file'), '');
});
afterAll(() => rmSync(root, { recursive: true }));

describe('an output path', () => {
  test.each<[string, (path: string) => Promise<void>, readonly string[]]>([
    ['a file', checkFileOutput, ['new', 'file', 'new/er/file']],
    ['a folder', checkFolderOutput, ['empty', 'new', 'new/er', '.']],
    ['a checkpoint', checkCheckpointOutput, ['empty', 'new', 'new/er']],
  ])('serves for %s, and nothing is made yet', async (_, check, paths) => {
    for (const path of paths) await check(join(root, path));
    expect(readdirSync(root).sort()).toEqual(['empty', 'file']);
  });

  test.each<[string, (path: string) => Promise<void>, string, string]>([
    ['a folder as a file', checkFileOutput, 'empty', 'OUTPUT_EXISTS'],
    ['a file below a file', checkFileOutput, 'file/x', 'WRITE_FAILED'],
    ['a file as a folder', checkFolderOutput, 'file', 'WRITE_FAILED'],
    ['a folder far below a file', checkFolderOutput, 'file/x/y', 'WRITE_FAILED'],
    ['a checkpoint where something is', checkCheckpointOutput, '.', 'OUTPUT_EXISTS'],
    ['a checkpoint below a file', checkCheckpointOutput, 'file/x', 'WRITE_FAILED'],
  ])('is refused: %s', async (_, check, path, code) => {
    await expect(check(join(root, path))).rejects.toMatchObject({ code });
  });
});

test('the folder of a file is made when the file is written', async () => {
  await makeParent(join(root, 'made/of/file'));
  expect(readdirSync(join(root, 'made/of'))).toEqual([]);
  await expect(makeParent(join(root, 'file/x'))).rejects.toMatchObject({ code: 'WRITE_FAILED' });
});
