/** Removes what was built, so that nothing is published whose source is gone: tsc and turbo leave it where it is. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { workspaces } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
for (const pattern of workspaces) {
  const parent = root + pattern.replace(/\/\*$/, '');
  const folders = pattern.endsWith('/*') ? readdirSync(parent).map((name) => `${parent}/${name}`) : [parent];
  const built = folders.map((folder) => `${folder}/dist`).filter((folder) => existsSync(folder));
  for (const folder of built) rmSync(folder, { recursive: true });
}
