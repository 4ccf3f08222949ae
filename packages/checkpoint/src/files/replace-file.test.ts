import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { replaceFile } from './replace-file.js';

const folder = mkdtempSync(join(tmpdir(), 'moepress-replace-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('lets several write the same file at once', async () => {
  const texts = Array.from({ length: 20 }, (_, at) => String(at).repeat(10_000));
  const file = join(folder, 'file');
  await Promise.all(texts.map((text) => replaceFile(file, (handle) => handle.writeFile(text))));
  expect(texts).toContain(readFileSync(file, 'utf8'));
  expect(readdirSync(folder)).toEqual(['file']);
});
