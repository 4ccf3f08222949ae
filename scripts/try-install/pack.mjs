import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stageOnnxRuntime } from '../onnxruntime.mjs';

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

/** Folders of the packages of the repository that are published. */
export function publishedFolders(root) {
  return readJson(join(root, 'package.json'))
    .workspaces.flatMap((pattern) => {
      const parent = join(root, pattern.replace(/\/\*$/, ''));
      return pattern.endsWith('/*') ? readdirSync(parent).map((name) => join(parent, name)) : [parent];
    })
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .filter((folder) => !readJson(join(folder, 'package.json')).private);
}

/**
 * Packs everything that is published, as built, into `target`: the manifest of each package, and of those for this system
 * the tarball, its hashes and its files.
 */
export function packAll(root, target) {
  mkdirSync(target, { recursive: true });
  const folders = [...publishedFolders(root), ...stageOnnxRuntime(join(target, 'onnxruntime'))];
  const packages = folders.map((folder) => ({ folder, manifest: readJson(join(folder, 'package.json')) }));
  const isForHere = ({ manifest: { os = [process.platform], cpu = [process.arch] } }) =>
    os.includes(process.platform) && cpu.includes(process.arch);
  const packed = pack(
    packages.filter(isForHere).map(({ folder }) => folder),
    target,
  );
  return packages.map(({ manifest }) => ({ manifest, ...packed.get(manifest.name) }));
}

function pack(folders, target) {
  const args = ['pack', ...folders, '--json', '--ignore-scripts', '--pack-destination', target];
  const options = { encoding: 'utf8', maxBuffer: 2 ** 26, stdio: ['ignore', 'pipe', 'ignore'] };
  const told = JSON.parse(execFileSync('npm', args, { ...options, shell: process.platform === 'win32' }));
  return new Map(
    // A list up to npm 11, an object by names after it.
    Object.values(told).map(({ name, filename, integrity, shasum, size, files }) => [
      name,
      { integrity, shasum, size, files: files.map(({ path }) => path), path: join(target, filename) },
    ]),
  );
}
