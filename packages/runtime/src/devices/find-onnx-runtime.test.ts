import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { engineFailure } from './failure.js';
import { cudaInstaller, findOnnxRuntime, packaged, supported } from './find-onnx-runtime.js';

const folder = mkdtempSync(join(tmpdir(), 'moepress-onnxruntime-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A search from a folder in which these packages are installed. */
const withPackages = (installed: Readonly<Record<string, string>>) => {
  const root = mkdtempSync(join(folder, 'project-'));
  for (const [name, version] of Object.entries(installed)) {
    const file = join(root, 'node_modules', name, 'package.json');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify({ name, version, main: './main.js' }));
    writeFileSync(join(dirname(file), 'main.js'), '');
  }
  return { system: 'linux-x64', resolve: createRequire(join(root, 'x.js')).resolve };
};
const own = '@moepress/onnxruntime-linux-x64';

describe('ONNX Runtime', () => {
  it.each([
    ['the package of the system', { [own]: '1.30.0' }, own],
    [
      'onnxruntime-node before it, as for CUDA',
      { [own]: '1.30.0', 'onnxruntime-node': '1.30.2' },
      'onnxruntime-node',
    ],
    ['no onnxruntime-node of another version', { [own]: '1.30.0', 'onnxruntime-node': '1.31.0' }, own],
  ])('is %s', (_, installed, expected) => {
    expect(findOnnxRuntime(withPackages(installed))).toContain(join('node_modules', expected, 'main.js'));
  });

  it('is told to be missing with the line that installs it', () => {
    expect(() => findOnnxRuntime(withPackages({ 'onnxruntime-node': '1.22.0' }))).toThrow(
      expect.objectContaining({
        code: 'ONNX_RUNTIME_MISSING',
        message: 'ONNX Runtime 1.30 is not installed for linux-x64, only onnxruntime-node 1.22.0.',
        hint: `Install it where moepress is installed: npm install ${own}@~1.30.0`,
      }),
    );
    expect(() => findOnnxRuntime({ ...withPackages({}), system: 'aix-ppc64' })).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/^ONNX Runtime is published for linux-x64, /) }),
    );
  });

  it('that cannot be loaded is not called a fault of moepress', () => {
    const { code, hint } = engineFailure('cpu', 'cannot be loaded from x: no ld-linux-x86-64.so.2', 'worker');
    expect([code, hint]).toEqual(['ONNX_RUNTIME_MISSING', expect.stringContaining('GNU C library')]);
  });

  it('names the script that downloads CUDA only where there is one', () => {
    expect(cudaInstaller(withPackages({ [own]: '1.30.0' }).resolve)).toBeNull();
    expect(cudaInstaller(withPackages({ 'onnxruntime-node': '1.30.0' }).resolve)).toMatch(/install\.js$/);
  });

  it('comes as optional dependencies of the version that is supported', () => {
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    const names = packaged.map((system) => `@moepress/onnxruntime-${system}`);
    expect(Object.keys(manifest.optionalDependencies)).toEqual(names);
    const ranges = [
      ...Object.values(manifest.optionalDependencies),
      manifest.peerDependencies['onnxruntime-node'],
    ];
    for (const range of ranges) expect(range).toMatch(new RegExp(`^~?${supported}\\.`));
  });
});
