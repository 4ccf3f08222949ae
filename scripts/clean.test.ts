import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { staleIn } from './clean.mjs';

it('finds what was built of a source that is gone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'moepress-clean-'));
  try {
    for (const part of ['src', 'dist/deep']) mkdirSync(join(folder, part), { recursive: true });
    writeFileSync(join(folder, 'tsconfig.json'), '{ "compilerOptions": { "rootDir": "src" } }');
    writeFileSync(join(folder, 'src', 'here.test.ts'), '');
    const built = ['here.test.js', 'here.test.d.ts.map', 'data.json', 'deep/gone.d.ts', 'deep/gone.js.map'];
    for (const file of built) writeFileSync(join(folder, 'dist', file), '');
    const gone = ['gone.d.ts', 'gone.js.map'].map((file) => join(folder, 'dist', 'deep', file));
    expect(staleIn(folder).sort()).toEqual(gone);
    expect(staleIn(join(folder, 'src'))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
