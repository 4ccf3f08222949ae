/**
 * Makes the packages of `onnxruntime/`: what each system needs of onnxruntime-node, without its install script.
 *
 *     node scripts/onnxruntime.mjs stage <folder>   # writes them there
 *     node scripts/onnxruntime.mjs publish          # publishes those that the registry does not have yet
 *
 * In the repository they are empty and private, so that they are found as workspaces, and onnxruntime-node itself is used.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const home = fileURLToPath(new URL('../onnxruntime', import.meta.url));
const source = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

/** Writes the packages into folders of `target`, and returns these. */
export function stageOnnxRuntime(target) {
  const systems = readdirSync(home, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return systems.map(({ name: system }) => {
    const { private: _, ...manifest } = readJson(join(home, system, 'package.json'));
    const { version } = readJson(join(source, 'package.json'));
    if (manifest.version !== version) {
      throw new Error(
        `${manifest.name} is ${manifest.version}, and the installed onnxruntime-node ${version}.`,
      );
    }
    const folder = join(target, system);
    mkdirSync(folder, { recursive: true });
    const [os, cpu] = system.split('-');
    const only = { os: [os], cpu: [cpu], ...(os === 'linux' && { libc: ['glibc'] }) };
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ ...manifest, ...only }, null, 2)}\n`);
    for (const file of ['README.md', 'LICENSE']) cpSync(join(home, file), join(folder, file));
    const isShipped = (path) => !path.endsWith('.map');
    cpSync(join(source, 'dist'), join(folder, 'dist'), { recursive: true, filter: isShipped });
    const binaries = join('bin', 'napi-v6', os, cpu);
    cpSync(join(source, binaries), join(folder, binaries), { recursive: true });
    return folder;
  });
}

function publish(folder) {
  const { name, version } = readJson(join(folder, 'package.json'));
  const known = spawnSync('npm', ['view', `${name}@${version}`, 'version'], { encoding: 'utf8' });
  if (known.stdout.trim() === version) return;
  execFileSync('npm', ['publish', '--access', 'public', ...process.argv.slice(3)], {
    cwd: folder,
    stdio: 'inherit',
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , command, target] = process.argv;
  if (command === 'stage' && target) {
    for (const folder of stageOnnxRuntime(target)) console.log(folder);
  } else if (command === 'publish') {
    const folder = mkdtempSync(join(tmpdir(), 'moepress-onnxruntime-'));
    try {
      stageOnnxRuntime(folder).forEach(publish);
    } finally {
      rmSync(folder, { recursive: true });
    }
  } else {
    console.error(`usage: node scripts/${basename(process.argv[1])} stage <folder> | publish [--dry-run]`);
    process.exitCode = 2;
  }
}
