import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../bin/moepress.js', import.meta.url));

it('says in a sentence what is missing where the command cannot start', () => {
  const folder = mkdtempSync(join(tmpdir(), 'moepress-unbuilt-'));
  try {
    cpSync(script, join(folder, 'bin', 'moepress.js'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const start = () => spawnSync(process.execPath, ['bin/moepress.js'], { cwd: folder, encoding: 'utf8' });

    mkdirSync(join(folder, 'dist', 'cli'), { recursive: true });
    writeFileSync(join(folder, 'dist', 'cli', 'main.js'), "import 'a-lost-dependency';");
    expect(start()).toMatchObject({
      status: 1,
      stderr:
        "error: The installation is not whole: Cannot find package 'a-lost-dependency'.\n" +
        '  hint:  Install it again: npm install moepress\n',
    });

    rmSync(join(folder, 'dist'), { recursive: true });
    writeFileSync(join(folder, 'tsconfig.json'), '{}');
    const { status, stderr } = start();
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^error: moepress has not been built: .*\n {2}hint: {2}Run `npm ci && npm run build`/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
