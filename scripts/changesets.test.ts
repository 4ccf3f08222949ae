import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

const packages = ['packages', 'plugins']
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
  .concat('harness')
  .map((folder) => JSON.parse(read(folder, 'package.json')).name as string);

const changesets = readdirSync(join(root, '.changeset')).filter((name) => /^(?!README).*\.md$/.test(name));

it('has changesets that name packages of the workspace and say what changes', () => {
  const wrong = changesets.filter((name) => {
    const [, releases = '', text = ''] =
      /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(read('.changeset', name)) ?? [];
    const named = releases.split('\n').map((line) => /^(['"])(.+)\1: (?:major|minor|patch)$/.exec(line)?.[2]);
    return text.trim() === '' || !named.every((one) => one !== undefined && packages.includes(one));
  });
  expect(wrong).toEqual([]);
});
