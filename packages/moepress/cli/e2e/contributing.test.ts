import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress } from './command.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const guide = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
const name = 'moepress-plugin-loudest';

/** The files that the guide shows: each is named, in backticks, in the paragraph before its code. */
const files = [
  ...guide.matchAll(/`([\w.]+\.js(?:on)?)`(?:[^\n]|\n(?!\n))*\n\n```js(?:on)?\n([\s\S]*?)```/g),
].map(([, file, content]) => ({ file: file!, content: content! }));

/** What the guide does with the command, without the comments. */
const commands = [...guide.matchAll(/^npx moepress (.*?)(?: *#.*)?$/gm)].map(([, args]) => args!.split(' '));

describe('the method of CONTRIBUTING.md', () => {
  it('consists of a package, a module and a test', () => {
    expect(files.map(({ file }) => file)).toEqual(['package.json', 'index.js', 'index.test.js']);
  });

  it('passes its test, is found by the command and compresses a model', () =>
    inTemporaryFolder(async (folder) => {
      const own = join(folder, 'node_modules', name);
      mkdirSync(own, { recursive: true });
      for (const { file, content } of files) writeFileSync(join(own, file), content);
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ dependencies: { [name]: '0.1.0' } }));
      for (const dependency of ['@moepress/core', '@moepress/graph', 'zod']) {
        const place = join(folder, 'node_modules', dependency);
        mkdirSync(dirname(place), { recursive: true });
        symlinkSync(join(root, 'node_modules', dependency), place);
      }

      const { stdout } = await promisify(execFile)(process.execPath, ['--test', 'index.test.js'], {
        cwd: own,
        env: withoutVitest(),
      });
      expect(stdout).toMatch(/# pass 1\n/);
      expect(commands.map(([verb]) => verb)).toEqual(['inspect', 'inspect', 'compress', 'eval']);
      for (const command of commands) {
        // A few documents tell as much here.
        const args = command[0] === 'eval' ? [...command, '--limit', '2'] : command;
        const done = await moepress(args, { cwd: folder });
        expect(done).toMatchObject({ code: 0 });
        if (command[0] === 'inspect') expect(done.stdout).toContain('loudest');
      }
      const plan = JSON.parse(readFileSync(join(folder, 'tiny-loudest', 'moepress_plan.json'), 'utf8'));
      expect(plan.method).toMatchObject({ name: 'loudest', package: name });
    }));
});

/** The runner of Node's tests reports to a parent of its own kind otherwise. */
function withoutVitest(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...rest } = process.env;
  return rest;
}
