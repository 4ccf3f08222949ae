import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { staleIn } from './clean.mjs';

it('finds what was built of a source that is gone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'moepress-clean-'));
  try {
    for (const part of ['src', 'dist/deep']) mkdirSync(join(folder, part), { recursive: true });
    writeFileSync(join(folder, 'src', 'here.ts'), '');
    for (const [file, source] of [
      ['here.js', '../src/here.ts'],
      ['deep/gone.d.ts', '../../src/deep/gone.ts'],
    ]) {
      writeFileSync(join(folder, 'dist', file!), '');
      writeFileSync(join(folder, 'dist', `${file}.map`), JSON.stringify({ sources: [source] }));
    }
    const gone = join(folder, 'dist', 'deep', 'gone.d.ts');
    expect(staleIn(folder)).toEqual([`${gone}.map`, gone]);
    expect(staleIn(join(folder, 'src'))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
