import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'moepress-packed-'));
const readme = readFileSync(join(root, 'packages/moepress/README.md'), 'utf8');

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const manifestIn = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** The packages of this repository that `name` depends on, itself first. */
function ownPackages(name: string, found = new Set<string>()): Set<string> {
  found.add(name);
  const { dependencies, optionalDependencies } = manifestIn(join(root, 'node_modules', name));
  for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies })) {
    const isOwn = /^@moepress\/(?!onnxruntime-)/.test(dependency);
    if (isOwn && !found.has(dependency)) ownPackages(dependency, found);
  }
  return found;
}

/** Installs packed packages, and beside them what they say that they depend on: of that, what is installed here. */
function install(names: Iterable<string>): void {
  const workspaces = [...names].flatMap((name) => ['--workspace', name]);
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', project, ...workspaces];
  const packed = JSON.parse(
    execFileSync('npm', pack, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] }).toString(),
  );
  const installed = (name: string) => join(project, 'node_modules', name);
  for (const { name, filename } of packed as { name: string; filename: string }[]) {
    mkdirSync(installed(name), { recursive: true });
    execFileSync('tar', ['-xzf', join(project, filename), '--strip-components=1', '-C', installed(name)]);
  }
  const dependencies = [...names].flatMap((name) =>
    Object.keys(manifestIn(installed(name)).dependencies ?? {}),
  );
  // In the repository ONNX Runtime is that of its maker: scripts/try-install.mjs tries our packages of it.
  for (const name of new Set([...dependencies, 'onnxruntime-node', 'typescript', '@types/node'])) {
    if (existsSync(installed(name))) continue;
    mkdirSync(dirname(installed(name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), installed(name));
  }
}

/** Checks and compiles the project's programs as TypeScript, which nobody has told anything of the packages. */
function compile() {
  const tsc = join(project, 'node_modules', 'typescript', 'bin', 'tsc');
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'];
  const files = readdirSync(project).filter((name) => name.endsWith('.ts'));
  const options = ['--module', 'nodenext', '--target', 'es2023', '--types', 'node', ...strict];
  return spawnSync(process.execPath, [tsc, ...options, ...files], { cwd: project, encoding: 'utf8' });
}

const run = (...args: string[]) =>
  spawnSync(process.execPath, args, {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, MOEPRESS_CACHE: join(project, 'cache') },
  });

/** The programs of the package's own page. */
const [program, ...further] = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);

/** A program that is only compiled. */
const typed = readFileSync(join(root, 'packages/moepress/fixtures/typed-program.ts'), 'utf8');

describe('the packed packages', () => {
  beforeAll(() => {
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', type: 'module' }));
    install(ownPackages('moepress'));
  }, 600_000);
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  it('run the program of the package page, which a compiler has checked', () => {
    writeFileSync(
      join(project, 'program.ts'),
      `${program}console.log(JSON.stringify(result.record.results));\n`,
    );
    for (const [i, code] of [typed, ...further].entries())
      writeFileSync(join(project, `typed-${i}.ts`), code);
    expect(compile()).toMatchObject({ status: 0, stdout: '' });
    const { status, stdout, stderr } = run('program.js');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const results = JSON.parse(stdout);
    // Half of the experts are gone: far above chance, and below the 0.99 of the original.
    expect(results.tiny_facts['acc,none']).toBeGreaterThan(0.6);
    expect(results.tiny_facts['acc,none']).toBeLessThan(0.9);
    expect(results.tiny_gsm['exact_match,strict-match']).toBeGreaterThan(0.05);
    expect(readdirSync(join(project, 'tiny-half'))).toContain('moepress_plan.json');
  }, 600_000);

  it('bring the command', () => {
    const { version } = manifestIn(join(project, 'node_modules', 'moepress')) as Manifest & {
      version: string;
    };
    expect(run('node_modules/moepress/bin/moepress.js', '--version').stdout).toBe(`${version}\n`);
    expect(run('node_modules/moepress/bin/moepress.js', 'compress', '--help').stdout).toContain('--ratio');
  });

  it('hold neither tests nor what only tests use', () => {
    const files = readdirSync(join(project, 'node_modules', 'moepress'), { recursive: true }) as string[];
    expect(files.filter((file) => /\.test\.|e2e|fixtures/.test(file))).toEqual([]);
    expect(files).toContain(join('pages', 'leaderboard', 'page.html'));
  });
});
