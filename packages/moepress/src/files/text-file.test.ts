import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readText } from './text-file.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moepress-text-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('readText', () => {
  test('reads UTF-8, with or without a byte order mark', async () => {
    expect(await readText(file('a', 'é ±'), 'PLAN_INVALID')).toBe('é ±');
    expect(await readText(file('b', '\ufeff{}'), 'PLAN_INVALID')).toBe('{}');
    expect(await readText(file('c', ''), 'PLAN_INVALID')).toBe('');
  });

  test('refuses what is large, without reading it all', async () => {
    const path = file('large', '');
    truncateSync(path, 2 ** 40);
    await expect(readText(path, 'PLAN_INVALID')).rejects.toMatchObject({ code: 'PLAN_INVALID', where: path });
  });

  test.each([
    ['Latin-1', Uint8Array.of(0x63, 0xe9)],
    ['half a character', Uint8Array.of(0x63, 0xc3)],
  ])('refuses %s', async (_, bytes) => {
    await expect(readText(file('x', bytes), 'INPUT_INVALID')).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: 'The file is no text in UTF-8.',
    });
  });

  test.each(['missing', '.'])('refuses %s', async (name) => {
    await expect(readText(join(folder, name), 'INPUT_INVALID')).rejects.toMatchObject({
      message: expect.stringMatching(/ENOENT|EISDIR/),
    });
  });
});
