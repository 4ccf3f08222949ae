import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importPlugin } from './import-plugin.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'moepress-import-'));
});
afterAll(() => rmSync(root, { recursive: true }));

/** Loads a package of these files. */
function load(name: string, manifest: object, files: Readonly<Record<string, string>>): Promise<unknown> {
  const path = join(root, name);
  const all = { 'package.json': JSON.stringify({ name, ...manifest }), ...files };
  for (const [file, content] of Object.entries(all)) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), content);
  }
  return importPlugin({ name, path, version: '1.0.0', declared: null });
}

const cjs = 'exports.__esModule = true; exports.default = { name: "x" };';

test.each<[string, object, Readonly<Record<string, string>>]>([
  ['esm', { type: 'module', exports: './a.js' }, { 'a.js': 'export default { name: "x" };' }],
  ['cjs', { main: 'a.js' }, { 'a.js': 'module.exports = { name: "x" };' }],
  ['transpiled', { exports: { require: './no.js', default: './a.cjs' } }, { 'a.cjs': cjs }],
])('a module is loaded that is %s', async (name, manifest, files) => {
  expect(await load(name, manifest, files)).toEqual({ name: 'x' });
});

test.each<[string, object, Readonly<Record<string, string>>, readonly [string, string]]>([
  ['typed', { exports: './src/index.ts' }, { 'src/index.ts': '' }, ['is TypeScript', 'npm run build in']],
  [
    'unbuilt',
    { exports: './dist/a.js' },
    {},
    ['has "exports": "./dist/a.js", and there is no such', 'Build it'],
  ],
  ['mainless', {}, {}, ['has "main": "index.js", and there is no such', 'Build it']],
  ['required', { exports: { require: './a.js' } }, { 'a.js': cjs }, ['"require":"./a.js"', 'Build it']],
  ['throwing', { exports: './a.js' }, { 'a.js': 'throw new Error("no disk");' }, ['no disk', 'report this']],
])('a package that is %s is refused with a reason', async (name, manifest, files, [message, hint]) => {
  await expect(load(name, manifest, files)).rejects.toMatchObject({
    code: 'PLUGIN_INVALID',
    where: join(root, name),
    message: expect.stringMatching(new RegExp(`^${name} could not be loaded: `)),
    hint: expect.stringContaining(hint),
  });
  await expect(load(name, manifest, files)).rejects.toThrow(message);
});
