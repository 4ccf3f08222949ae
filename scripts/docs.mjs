/**
 * `npm run docs`: the site of the folder docs, with its reference pages, into docs/.vitepress/dist. `npm run docs -- dev` serves it
 * and shows edits at once. What only the site needs is in docs/package.json, and is installed there when it is first asked for;
 * after that no network is used. A link that leads nowhere is an error.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const docs = fileURLToPath(new URL('../docs/', import.meta.url));

function run(command, cwd) {
  const { status } = spawnSync(command, { cwd, stdio: 'inherit', shell: true });
  if (status !== 0) process.exit(status ?? 1);
}

const time = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

if (time(`${docs}node_modules/.package-lock.json`) < time(`${docs}package-lock.json`)) run('npm ci', docs);
run('node scripts/docs/generate.mjs --api', root);
run(process.argv[2] === 'dev' ? 'npx vitepress dev' : 'npx vitepress build', docs);
