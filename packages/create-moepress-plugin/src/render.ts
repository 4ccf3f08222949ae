import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { packageRoot } from './package-root.js';
import { type KindName, kinds } from './plugin-kinds.js';

/** What is asked for. */
export interface Wish {
  /** Of small letters, digits and "-", such as `loudest`. */
  readonly name: string;
  readonly kind: KindName;
  /** Versions of moepress's packages that it is made for. */
  readonly version: string;
}

export const namePattern: RegExp = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

export const packageOf = (name: string): string => `moepress-plugin-${name}`;

const templates = join(packageRoot, 'templates');

/** All files of the package by their paths. Nothing is written. */
export function renderPlugin(wish: Wish): Map<string, string> {
  const files = new Map<string, string>([['package.json', manifestOf(wish)]]);
  for (const template of ['common', wish.kind]) {
    const root = join(templates, template);
    for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      // npm leaves out files of these names when it packs.
      const path = relative(root, file).replaceAll('\\', '/').replace(/^_/, '.');
      files.set(path, filled(readFileSync(file, 'utf8'), wish));
    }
  }
  return files;
}

/** A template with the plugin's names in place of those of the example. */
function filled(text: string, { name, kind }: Wish): string {
  const words = name.split('-');
  const capital = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1);
  const title = [capital(words[0]!), ...words.slice(1)].join(' ');
  const pascal = words.map(capital).join('');
  return text
    .replaceAll('%usage%', kinds[kind].usage)
    .replaceAll('example-name', name)
    .replaceAll('ExampleName', pascal)
    .replaceAll('exampleName', identifierOf(words))
    .replaceAll('Example name', title);
}

/** Words that no constant may be called, and those that templates use. */
const reserved =
  /^(arguments|await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|eval|export|extends|false|finally|for|function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|public|return|static|super|switch|this|throw|true|try|typeof|var|void|while|with|yield|options|row|column|template|computed|check|kept|means|cast|concat|z|animals|places)$/;

function identifierOf(words: readonly string[]): string {
  const camel = words
    .map((word, i) => (i === 0 ? word : word.slice(0, 1).toUpperCase() + word.slice(1)))
    .join('');
  return reserved.test(camel) ? `${camel}Plugin` : camel;
}

function manifestOf({ name, kind, version }: Wish): string {
  const { declares, imports } = kinds[kind];
  const own = imports.filter((one) => one !== 'zod').map((one) => `@moepress/${one}`);
  const developed = [...own, '@moepress/testkit'].sort();
  const manifest = {
    name: packageOf(name),
    version: '0.1.0',
    description: `A plugin of moepress: ${kinds[kind].title.replace(/:.*/, '')}`,
    keywords: ['moepress-plugin'],
    license: 'Apache-2.0',
    type: 'module',
    engines: { node: '>=20.19' },
    exports: {
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './package.json': './package.json',
    },
    files: ['dist', '!dist/**/*.test.*', ...(kind === 'task' ? ['data'] : [])],
    scripts: { build: 'tsc', test: 'tsc && vitest run --dir src', prepack: 'tsc' },
    moepress: { [declares]: [name] },
    ...(imports.some((one) => one === 'zod') && { dependencies: { zod: '^4.0.0' } }),
    peerDependencies: Object.fromEntries(own.map((one) => [one, `>=${version} <1.0.0`])),
    devDependencies: {
      ...Object.fromEntries(developed.map((one) => [one, `^${version}`])),
      '@types/node': '^20.19.0',
      typescript: '^5.9.0 || ^6.0.0 || ^7.0.0',
      vitest: '^4.1.0',
    },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
