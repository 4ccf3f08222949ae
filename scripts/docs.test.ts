import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { stepsOf } from './docs/guide-session.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'harness/README.md', 'benchmarks/README.md'],
  ...pagesOfSite(),
  ...['packages', 'plugins'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => `${folder}/${name}/README.md`),
  ),
].filter((page) => page.endsWith('.md') && existsSync(join(root, page)));

/** Pages that are written by hand, of the site and the code host. */
function pagesOfSite(): string[] {
  const names = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => !/(?:^|\/)(?:node_modules|reference|\.vitepress)\//.test(name))
    .map((name) => `docs/${name}`);
}

/** Folders that paths in prose start from: the repository, a group of packages, a package and its sources. */
const starts = ['', 'packages', 'plugins', 'harness', 'harness/src'].concat(
  ['packages', 'plugins'].flatMap((folder) =>
    readdirSync(join(root, folder)).flatMap((name) => [`${folder}/${name}`, `${folder}/${name}/src`]),
  ),
);

it.each(pages)('%s names files that exist', (page) => {
  const text = readFileSync(join(root, page), 'utf8').replace(/```[\s\S]*?```/g, '');
  const prose = [...text.matchAll(/`([\w@.-]+(?:\/[\w@.-]+)+\.(?:ts|mjs|py|md|json))`/g)].map(
    ([, path]) => path!,
  );
  const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)].map(([, path]) => path!);
  // What a guide has its reader save is not there yet.
  const saved = stepsOf(readFileSync(join(root, page), 'utf8')).flatMap(({ file }) => file ?? []);
  const missing = [
    ...prose.filter(
      (path) => !saved.includes(path) && !starts.some((start) => existsSync(join(root, start, path))),
    ),
    ...links.filter((path) => !existsSync(resolve(root, dirname(page), path))),
  ];
  expect(missing).toEqual([]);
});

/** The anchors that headings of a page have, as the code host makes them. */
function anchorsIn(file: string): Set<string> {
  const text = readFileSync(file, 'utf8').replace(/```[\s\S]*?```/g, '');
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading!);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

it.each(pages)('%s links to headings that exist', (page) => {
  const text = readFileSync(join(root, page), 'utf8').replace(/```[\s\S]*?```/g, '');
  const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]*\.md)?#([^)\s]+)\)/g)];
  const missing = links.filter(([, path, anchor]) => {
    const file = path === undefined ? join(root, page) : resolve(root, dirname(page), path);
    return !existsSync(file) || !anchorsIn(file).has(anchor!);
  });
  expect(missing.map(([link]) => link)).toEqual([]);
});

it.each(pages)('%s names scripts that exist', (page) => {
  const text = readFileSync(join(root, page), 'utf8');
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const run = [...text.matchAll(/(?:^|`)npm run ([\w:-]+)/gm)].map(([, name]) => name!);
  const files = [...text.matchAll(/\bnode ([\w./-]+\.(?:mjs|js))/g)].map(([, file]) => file!);
  expect(run.filter((name) => !(name in scripts))).toEqual([]);
  const places = ['', dirname(page)];
  const isThere = (file: string) => places.some((place) => existsSync(join(root, place, file)));
  expect(files.filter((file) => !file.includes('dist/') && !isThere(file))).toEqual([]);
});

it.each(['packages', 'plugins'])('every published package in %s has a page', (folder) => {
  const without = readdirSync(join(root, folder)).filter((name) => {
    const manifest = join(root, folder, name, 'package.json');
    if (!existsSync(manifest) || JSON.parse(readFileSync(manifest, 'utf8')).private) return false;
    return !existsSync(join(root, folder, name, 'README.md'));
  });
  expect(without).toEqual([]);
});
