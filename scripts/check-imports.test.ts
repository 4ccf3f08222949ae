import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkRepository, importsIn } from './check-imports.mjs';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'check-imports-'));
});
afterEach(() => rmSync(root, { recursive: true }));

type Files = Record<string, string | object>;

/** A sound little repository with some files changed or added. */
function problemsWith(changes: Files = {}): string[] {
  const files: Files = {
    'package.json': { workspaces: ['packages/*', 'plugins/*', 'harness'], devDependencies: { vitest: '4' } },
    'packages/core/package.json': { name: '@x/core', dependencies: { zod: '4' } },
    'packages/core/src/index.ts': "import { z } from 'zod';\nexport * from './errors/error.js';\n",
    'packages/core/src/errors/error.ts': "import { inspect } from 'node:util';\n",
    'packages/core/src/index.test.ts': "import { test } from 'vitest';\n",
    'packages/core/src/support.test.util.ts': "import { expect } from 'vitest';\n",
    'packages/moepress/package.json': { name: 'x', dependencies: { '@x/core': '0', '@x/plugin-a': '0' } },
    'packages/moepress/src/index.ts': "import '@x/core/testing';\n",
    'plugins/a/package.json': { name: '@x/plugin-a', dependencies: { '@x/core': '0' } },
    'plugins/a/src/index.ts': "export { z } from '@x/core';\n",
    ...changes,
  };
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content));
  }
  if (!('harness/package.json' in changes)) {
    mkdirSync(join(root, 'harness'), { recursive: true });
    writeFileSync(join(root, 'harness/package.json'), JSON.stringify({ name: '@x/harness' }));
  }
  return checkRepository(root);
}

describe('checkRepository', () => {
  test('finds nothing wrong with a sound repository', () => {
    expect(problemsWith()).toEqual([]);
  });

  test.each<[string, Files, string]>([
    [
      'an import against the current',
      {
        'packages/core/package.json': { name: '@x/core', dependencies: { zod: '4', x: '0' } },
        'packages/core/src/errors/error.ts': "import { main } from 'x';\n",
      },
      'packages/core/src/errors/error.ts: core must not import moepress (x)',
    ],
    [
      'an import of a plugin',
      { 'packages/moepress/src/plugin.ts': "await import('@x/plugin-a');\n" },
      'packages/moepress/src/plugin.ts: moepress must not import plugins (@x/plugin-a)',
    ],
    [
      'an import of a plugin by a plugin',
      {
        'plugins/b/package.json': { name: '@x/plugin-b', dependencies: { '@x/plugin-a': '0' } },
        'plugins/b/src/index.ts': "import a from '@x/plugin-a';\n",
      },
      'plugins/b/src/index.ts: plugins must not import plugins (@x/plugin-a)',
    ],
    [
      'an undeclared dependency',
      { 'packages/core/src/errors/error.ts': "import { parse } from 'yaml';\n" },
      'packages/core/src/errors/error.ts: yaml is not among the dependencies in package.json',
    ],
    [
      'a test tool in a source file',
      { 'packages/core/src/errors/error.ts': "import { test } from 'vitest';\n" },
      'packages/core/src/errors/error.ts: vitest is not among the dependencies in package.json',
    ],
    [
      'a needless dependency',
      { 'packages/core/package.json': { name: '@x/core', dependencies: { zod: '4', yaml: '2' } } },
      'packages/core/package.json: yaml is declared but never imported',
    ],
    [
      'a path out of the package',
      { 'packages/moepress/src/deep.ts': "export * from '../../core/src/index.js';\n" },
      'packages/moepress/src/deep.ts: ../../core/src/index.js leaves the package',
    ],
    [
      'a long file',
      { 'packages/moepress/src/long.ts': 'export {};\n'.repeat(401) },
      'packages/moepress/src/long.ts: 401 lines, more than 400',
    ],
    [
      'an import of the command by the library',
      {
        'packages/moepress/src/run.ts': "import { main } from '../cli/main.js';\n",
        'packages/moepress/cli/main.ts': 'export {};\n',
      },
      'packages/moepress/src/run.ts: the library must not import the command (../cli/main.js)',
    ],
    [
      'files that import each other',
      {
        'packages/queue/package.json': { name: '@x/queue' },
        'packages/queue/src/a.ts': "import { b } from './b.js';\n",
        'packages/queue/src/b.ts': "import type { A } from './a.js';\n",
      },
      'packages/queue/src: a.ts, b.ts import each other (such as src/a.ts from src/b.ts)',
    ],
    [
      'folders that import each other through several files',
      {
        'packages/queue/package.json': { name: '@x/queue' },
        'packages/queue/src/x/a.ts': "import { b } from '../y/deep/b.js';\n",
        'packages/queue/src/y/c.ts': "import { d } from '../z/d.js';\n",
        'packages/queue/src/y/deep/b.ts': 'export {};\n',
        'packages/queue/src/z/d.ts': "import { e } from '../x/e.js';\n",
        'packages/queue/src/x/e.ts': 'export {};\n',
      },
      'packages/queue/src: x, y, z import each other (such as src/x/a.ts from src/y/deep/b.ts)',
    ],
    [
      'a name that two files share',
      {
        'packages/queue/package.json': { name: '@x/queue' },
        'packages/queue/src/x/a.ts': 'export {};\n',
        'packages/queue/src/y/a.ts': 'export {};\n',
      },
      'packages/queue/src/x/a.ts: 2 files are called a.ts',
    ],
    [
      'a package outside the table',
      { 'packages/misc/package.json': { name: '@x/misc' } },
      'packages/misc/package.json: "misc" is not in the table of check-imports',
    ],
  ])('finds %s', (_, changes, problem) => {
    expect(problemsWith(changes)).toEqual([problem]);
  });

  test('a file of the full length is no problem', () => {
    expect(problemsWith({ 'packages/moepress/src/long.ts': 'export {};\n'.repeat(400) })).toEqual([]);
  });
});

describe('importsIn', () => {
  test('knows every form', () => {
    const source = `
import a from 'a';
import type { B,
  C } from "b/c";
import 'd';
export * from 'e';
export { f } from './f.js';
const g = await import('g');
const h = require.resolve('h');
const i = import.meta.resolve('@i/i/package.json');
`;
    expect(importsIn(source).sort()).toEqual(['./f.js', '@i/i/package.json', 'a', 'b/c', 'd', 'e', 'g', 'h']);
  });

  test('is not fooled by comments and look-alikes', () => {
    const source = `
/** import x from 'x'; */
// import y from 'y';
export const z = Array.from('z');
const text = "import it from 'there'";
`;
    expect(importsIn(source)).toEqual([]);
  });
});
