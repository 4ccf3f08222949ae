import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { inTemporaryFolder, moepress } from './command.js';

it('inspects a model without running a plugin, unless it is asked to', () =>
  inTemporaryFolder(async (folder) => {
    const write = (path: string, content: string) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    };
    write('package.json', '{ "dependencies": { "moepress-plugin-bad": "1" } }');
    write('node_modules/moepress-plugin-bad/package.json', '{ "type": "module", "moepress": {} }');
    write('node_modules/moepress-plugin-bad/index.js', "throw new Error('no GPU here');");
    const { code, stdout, stderr } = await moepress(['inspect', 'tiny'], { cwd: folder });
    expect(code).toBe(0);
    expect(stdout).toContain('conmoe');
    expect(stdout).toContain('moepress-plugin-bad: bad');
    expect(stderr).toBe('');
    const asked = await moepress(['inspect', 'tiny', '--plugin', 'moepress-plugin-bad'], { cwd: folder });
    expect(asked).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^warning: bad is left out: .*no GPU/),
    });

    const used = await moepress(['compress', 'tiny', '--method', 'bad', '--ratio', '0.5', '--plan-only'], {
      cwd: folder,
    });
    expect(used).toMatchObject({ code: 1, stderr: expect.stringContaining('no GPU here') });
  }));
