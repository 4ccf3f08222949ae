/**
 * Guards the shape of the repository: imports point one way between packages and inside each, every package
 * declares exactly what it imports, a file's name says which it is, and no source file grows beyond reading. Prints what is wrong and exits with 1, or says nothing.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importCycles } from './import-cycles.mjs';

/** Folder of a package to the folders it may import; `plugins` are all alike, and nothing imports one. */
const mayImport = {
  core: [],
  tiny: [],
  reference: [],
  faults: ['core'],
  checkpoint: ['core'],
  graph: ['core'],
  runtime: ['core', 'checkpoint', 'graph'],
  export: ['core', 'checkpoint', 'graph'],
  queue: ['core'],
  'llama-cpp': ['core'],
  plugins: ['core', 'graph'],
  harness: ['core', 'checkpoint'],
  moepress: ['core', 'tiny', 'checkpoint', 'graph', 'runtime', 'export', 'harness', 'queue', 'llama-cpp'],
  testkit: ['core', 'checkpoint', 'graph', 'runtime', 'export', 'harness'],
  'create-moepress-plugin': [],
  benchmarks: ['core', 'tiny', 'checkpoint', 'graph', 'runtime', 'export', 'harness', 'reference'],
};

/** What their tests may import besides. */
const testsImport = {
  export: ['runtime'],
  harness: ['graph', 'reference'],
  moepress: ['reference'],
  testkit: ['plugins'],
  'create-moepress-plugin': ['checkpoint', 'core', 'testkit'],
};

/** Packages without sources. */
const binaries = 'onnxruntime/*';

const mostLines = 400;
const sourceName = /\.(ts|mts|js|mjs|py)$/;
/** Tests and what only tests use, such as `support.test.util.ts`: not published. */
const testName = /\.test\.[^/\\]*$/;

/** All problems of the repository at `root`, as `path: what is wrong`. */
export function checkRepository(root) {
  const { workspaces, devDependencies } = readJson(join(root, 'package.json'));
  const packages = workspaces
    .filter((pattern) => pattern !== binaries)
    .flatMap((pattern) => expand(root, pattern))
    .map(readPackage);
  const shared = Object.keys(devDependencies ?? {});
  const folders = new Map(packages.map(({ name, folder }) => [name, folder]));
  return [
    ...packages.flatMap((own) => checkPackage(own, { folders, shared })),
    ...packages.flatMap((own) => own.files.flatMap(checkLength)),
  ]
    .map(({ path, problem }) => `${relative(root, path).split(sep).join('/')}: ${problem}`)
    .sort();
}

/** The module specifiers a source text imports, re-exports or resolves. */
export function importsIn(source) {
  const forms = [
    /^\s*(?:import|export)\b[^;'"`]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\b(?:import|require|require\.resolve|import\.meta\.resolve)\(\s*['"]([^'"]+)['"]/g,
  ];
  return forms.flatMap((form) => [...source.matchAll(form)].map((match) => match[1]));
}

function checkPackage(own, { folders, shared }) {
  const { directory, folder, manifest } = own;
  const allowed = mayImport[folder];
  const manifestPath = join(directory, 'package.json');
  if (!allowed) return [{ path: manifestPath, problem: `"${folder}" is not in the table of check-imports` }];

  const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  const forTests = [...declared, ...Object.keys(manifest.devDependencies ?? {}), ...shared];
  const used = new Set();
  const problems = [];
  for (const { path, source } of own.files) {
    const known = testName.test(path) ? forTests : declared;
    for (const specifier of importsIn(source)) {
      if (specifier.startsWith('node:')) continue;
      if (specifier.startsWith('.')) {
        const target = resolve(dirname(path), specifier);
        if (!target.startsWith(directory + sep))
          problems.push({ path, problem: `${specifier} leaves the package` });
        continue;
      }
      const name = packageOf(specifier);
      used.add(name);
      // A test may import its own package as others do.
      if (name === manifest.name && testName.test(path)) continue;
      const target = folders.get(name);
      const also = testName.test(path) ? (testsImport[folder] ?? []) : [];
      if (target && !allowed.includes(target) && !also.includes(target)) {
        problems.push({ path, problem: `${folder} must not import ${target} (${name})` });
      } else if (!known.includes(name)) {
        problems.push({ path, problem: `${name} is not among the dependencies in package.json` });
      }
    }
  }
  // Plugins are found by name, so whoever ships them declares them without importing them; and what a package can do
  // without is often resolved before it is imported.
  const isNamed = (name) => own.files.some(({ source }) => source.includes(`'${name}'`));
  const needless = [...declared, ...Object.keys(manifest.devDependencies ?? {})].filter(
    (name) => !used.has(name) && folders.get(name) !== 'plugins' && !isNamed(name),
  );
  return [
    ...problems,
    ...shapeProblems(own),
    ...needless.map((name) => ({ path: manifestPath, problem: `${name} is declared but never imported` })),
  ];
}

/** Cycles, and names that several files of a package share. */
function shapeProblems({ directory, files }) {
  const sources = files.filter(({ path }) => !testName.test(path));
  const cycles = importCycles(
    directory,
    sources.map(({ path, source }) => ({ path, specifiers: importsIn(source) })),
  );
  const command = join(directory, 'cli');
  const upward = sources
    .filter(({ path }) => !isIn(command, path))
    .flatMap(({ path, source }) =>
      importsIn(source)
        .filter(
          (specifier) =>
            isIn(command, resolve(dirname(path), specifier)) && !isIn(join(directory, 'bin'), path),
        )
        .map((specifier) => ({ path, problem: `the library must not import the command (${specifier})` })),
    );
  const byName = groupByName(sources);
  return [
    ...upward,
    ...cycles.map(({ level, members, from, to }) => ({
      path: join(directory, level),
      problem: `${members.join(', ')} import each other (such as ${from} from ${to})`,
    })),
    ...[...byName]
      .filter(([name, same]) => name !== 'index.ts' && same.length > 1)
      .map(([name, same]) => ({
        path: same[0].path,
        problem: `${same.length} files are called ${name}`,
      })),
  ];
}

const isIn = (folder, path) => path.startsWith(folder + sep);

function groupByName(files) {
  const groups = new Map();
  for (const file of files) {
    const name = basename(file.path);
    groups.set(name, [...(groups.get(name) ?? []), file]);
  }
  return groups;
}

function checkLength({ path, source }) {
  const lines = source.trimEnd().split('\n').length;
  return lines > mostLines ? [{ path, problem: `${lines} lines, more than ${mostLines}` }] : [];
}

function readPackage(directory) {
  const manifest = readJson(join(directory, 'package.json'));
  const parts = directory.split(sep);
  const folder = parts.at(-2) === 'plugins' ? 'plugins' : parts.at(-1);
  const files = ['src', 'cli', 'bin']
    .map((name) => join(directory, name))
    .filter((path) => existsSync(path))
    .flatMap(sourcesIn)
    .map((path) => ({ path, source: readFileSync(path, 'utf8') }));
  return { directory, folder, name: manifest.name, manifest, files };
}

function sourcesIn(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && sourceName.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** `packages/*` to the folders with a package.json. */
function expand(root, pattern) {
  if (!pattern.endsWith('/*')) return [join(root, pattern)];
  const parent = join(root, pattern.slice(0, -2));
  const children = existsSync(parent) ? readdirSync(parent) : [];
  return children.map((name) => join(parent, name)).filter((path) => existsSync(join(path, 'package.json')));
}

function packageOf(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = checkRepository(fileURLToPath(new URL('..', import.meta.url)));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
