import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Packages by the folder of their sources, as TypeDoc names its pages. */
const packages = {
  'packages/moepress/src': 'moepress',
  'packages/core/src': '@moepress/core',
  'packages/graph/src': '@moepress/graph',
  'harness/src': '@moepress/harness',
  'packages/testkit/src': '@moepress/testkit',
};

const fileOf = (name) => `${name.split('/').at(-1)}.md`;

/** Writes a page for each package with what it exports, by TypeDoc of the folder `docs`. */
export function writeApiPages(docs, folder) {
  const raw = join(folder, 'raw');
  const { status } = spawnSync('npx', ['typedoc', '--out', raw], {
    cwd: docs,
    stdio: 'inherit',
    shell: true,
  });
  if (status !== 0) throw new Error('TypeDoc failed.');
  mkdirSync(join(folder, 'api'));
  for (const [path, name] of Object.entries(packages)) {
    const text = readFileSync(join(raw, `${path}.md`), 'utf8')
      .replace(/^# .*$/m, `# ${name}`)
      // Pages lie side by side here.
      .replace(/\]\((?:[\w.]+\/)*(\w+)\/src\.md/g, (_, folderName) => `](${folderName}.md`);
    writeFileSync(join(folder, 'api', fileOf(name)), text);
  }
  rmSync(raw, { recursive: true });
}
