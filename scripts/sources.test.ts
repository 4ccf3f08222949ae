import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { scriptsFromSources } from './sources.js';

const folder = mkdtempSync(join(tmpdir(), 'moepress-sources-'));
const source = join(folder, 'src', 'worker.ts');
const code = "const script = new URL('./thread.js', import.meta.url);\nexport const url = script.href;\n";

beforeAll(() => {
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(folder, 'src', 'thread.ts'),
    "import { value } from './value.js';\nexport const told: number = value;\nexport const here = import.meta.url;\n",
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What the script of the module exports, and the files that it was made of. */
async function script() {
  const addWatchFile = vi.fn<(file: string) => void>();
  const { transform } = scriptsFromSources();
  const found = await (transform as unknown as Transform).call({ addWatchFile }, code, source);
  const { url } = await import(`data:text/javascript,${encodeURIComponent(found!.code)}`);
  return { exports: await import(/* @vite-ignore */ url), inputs: addWatchFile.mock.calls.flat() };
}
type Transform = (this: object, code: string, id: string) => Promise<{ code: string } | null>;

it('runs a script as its sources are now', async () => {
  for (const value of [1, 2]) {
    writeFileSync(join(folder, 'src', 'value.ts'), `export const value: number = ${value};\n`);
    const { exports, inputs } = await script();
    expect(exports.told).toBe(value);
    expect(exports.here).toMatch(/src\/thread\.ts$/);
    expect(inputs.map((file) => file.slice(folder.length + 1)).sort()).toEqual([
      'src/thread.ts',
      'src/value.ts',
    ]);
  }
});
