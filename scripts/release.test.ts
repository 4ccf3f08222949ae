import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const workspaces = ['packages', 'plugins', 'onnxruntime']
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
  .filter((folder) => existsSync(join(root, folder, 'package.json')))
  .concat('harness');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const manifestIn = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const published = workspaces.filter((folder) => !manifestIn(join(root, folder)).private);

describe('a release', () => {
  const copy = mkdtempSync(join(tmpdir(), 'moepress-release-'));
  afterAll(() => rmSync(copy, { recursive: true }));
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@localhost', ...args], { cwd: copy });
  const versions = () => new Set(published.map((folder) => manifestIn(join(copy, folder)).version));
  const version = () => {
    execFileSync(process.execPath, ['node_modules/@changesets/cli/bin.js', 'version'], { cwd: copy });
  };
  const change = (size: string) =>
    writeFileSync(join(copy, '.changeset', 'one.md'), `---\n"@moepress/core": ${size}\n---\n\nA change.\n`);

  beforeAll(() => {
    for (const folder of ['.', 'benchmarks', ...workspaces]) {
      cpSync(join(root, folder, 'package.json'), join(copy, folder, 'package.json'));
    }
    cpSync(join(root, '.changeset'), join(copy, '.changeset'), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    git('init', '-q', '-b', 'main');
    git('add', '-A');
    git('commit', '-qm', 'Begin');
  });

  it('is 0.1.0 of all packages first, and then what the changes are by semver', () => {
    const before = manifestIn(join(root, 'packages/core')).version;
    version();
    const [first, ...others] = versions();
    expect(others).toEqual([]);
    if (before === '0.0.0') expect(first).toBe('0.1.0');
    const changelog = readFileSync(join(copy, 'packages/moepress/CHANGELOG.md'), 'utf8');
    expect(changelog).toContain(`## ${first}\n\n###`);
    expect(changelog).not.toMatch(/Updated dependencies|^- [0-9a-f]{7}:/m);
    const [major, minor, patch] = first!.split('.').map(Number);
    change('patch');
    version();
    expect(versions()).toContain(`${major}.${minor}.${patch! + 1}`);
    change('minor');
    version();
    expect(versions()).toContain(`${major}.${minor! + 1}.0`);
    // A plugin of the first release goes with the packages of any 0.x.
    const { peerDependencies } = manifestIn(join(copy, 'plugins/conmoe'));
    expect(peerDependencies!['@moepress/core']).toBe('>=0.0.0 <1.0.0');
    // What is packed of ONNX Runtime has the version of ONNX Runtime.
    expect(manifestIn(join(copy, 'onnxruntime/linux-x64')).version).toMatch(/^1\.30\./);
  });
});

it('brings users no package with an install script, but a native one that the queue can do without', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: true; devOptional?: true; hasInstallScript?: true }>;
  };
  const withScript = Object.entries(packages).filter(
    ([, { dev, devOptional, hasInstallScript }]) => hasInstallScript && !dev && !devOptional,
  );
  expect(withScript.map(([path]) => path)).toEqual(['node_modules/msgpackr-extract']);
});

describe.each(published)('%s', (folder) => {
  it('says where it comes from and under which licence', () => {
    const manifest = manifestIn(join(root, folder));
    expect(manifest).toMatchObject({
      license: 'Apache-2.0',
      repository: { directory: folder },
      keywords: expect.arrayContaining([expect.stringContaining('moe')]),
      publishConfig: { access: 'public', provenance: true },
    });
    const licence = (of: string) => readFileSync(join(root, of, 'LICENSE'), 'utf8');
    expect(licence(folder)).toBe(licence('.'));
  });
});
