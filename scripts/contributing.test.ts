import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

/** Code blocks of a language in CONTRIBUTING.md, in order. */
function blocks(language: string): string[] {
  const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter((match) => match[1] === language)
    .map((match) => match[2]!);
}

it('the method of CONTRIBUTING.md passes the test that stands there', () => {
  const [manifest] = blocks('json');
  const [plugin, test] = blocks('js');
  // Beneath the repository, whose packages it imports.
  const folder = mkdtempSync(join(root, 'node_modules', '.contributing-'));
  try {
    writeFileSync(join(folder, 'package.json'), manifest!);
    writeFileSync(join(folder, 'index.js'), plugin!);
    writeFileSync(join(folder, 'index.test.js'), test!);
    const { VITEST: _, NODE_TEST_CONTEXT: __, ...env } = process.env;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--test'], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    expect(status, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/^(#|ℹ) pass 1$/m);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
