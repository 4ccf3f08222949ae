import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cancel, intro, isCancel, outro, select, text } from '@clack/prompts';
import { packageRoot } from './package-root.js';
import { isKind, type KindName, kindNames, kinds } from './plugin-kinds.js';
import { namePattern, packageOf, renderPlugin } from './render.js';
import { CreateError, checkFree, obstacleAt, writeFolder } from './write.js';

const help = `Writes a plugin of moepress that passes its own tests.

  npm create moepress-plugin [<name>] -- [--kind <kind>] [--dir <folder>]

  <name>          of small letters, digits and "-": the package is called moepress-plugin-<name>
  --kind <kind>   ${kindNames.join(', ')}
  --dir <folder>  a new folder; moepress-plugin-<name> by default
  --help          this text

What is not given is asked for, where there is a terminal.
`;

const wrongName = 'A name is of small letters, digits and "-", such as loudest.';

/** Runs the command with its arguments; returns its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    return await create(argv);
  } catch (error) {
    if (!(error instanceof CreateError)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    return 1;
  }
}

async function create(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parsed(argv);
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const wish = wishOf(positionals[0], values);
  const isAsking = process.stdin.isTTY === true && (wish.name === null || wish.kind === null);
  if (isAsking) intro('A plugin of moepress');
  const name = wish.name ?? (await ask(isAsking, 'name', () => askName(wish.folder)));
  const kind = name === null ? null : (wish.kind ?? (await ask(isAsking, 'kind', askKind)));
  if (name === null || kind === null) {
    cancel('Nothing was written.');
    return 1;
  }
  const folder = wish.folder ?? packageOf(name);
  writeFolder(folder, renderPlugin({ name, kind, version: ownVersion() }));
  const next = `${folder} is written. Next: cd ${folder} && npm install && npm test`;
  if (isAsking) outro(next);
  else process.stdout.write(`${next}\n`);
  return 0;
}

/** What is given, checked before anything is asked. */
function wishOf(given: string | undefined, { kind, dir }: { readonly kind?: string; readonly dir?: string }) {
  const name = given?.replace(/^moepress-plugin-/, '') ?? null;
  if (name !== null && !namePattern.test(name)) {
    throw new CreateError(`"${name}" is no name of a plugin. ${wrongName}`);
  }
  if (kind !== undefined && !isKind(kind)) {
    throw new CreateError(`There is no kind "${kind}". Give one of ${kindNames.join(', ')}.`);
  }
  const folder = dir ?? (name === null ? null : packageOf(name));
  if (folder !== null) checkFree(folder);
  return { name, kind: kind ?? null, folder };
}

function parsed(argv: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { kind: { type: 'string' }, dir: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (positionals.length > 1) throw new Error(`One name is wanted, and ${positionals.length} are given`);
    return { values, positionals };
  } catch (cause) {
    throw new CreateError(`${(cause as Error).message}. See --help.`, { cause });
  }
}

/** What is missing is asked for, or an error without a terminal. */
function ask<Answer>(
  isAsking: boolean,
  what: string,
  question: () => Promise<Answer | null>,
): Promise<Answer | null> {
  if (isAsking) return question();
  const flag = what === 'name' ? 'a name' : `--kind with one of ${kindNames.join(', ')}`;
  throw new CreateError(`The ${what} is not given, and there is no terminal to ask. Give ${flag}.`);
}

async function askName(folder: string | null): Promise<string | null> {
  const answer = await text({
    message: 'What is it called?',
    placeholder: 'loudest',
    validate: (given = '') => {
      if (!namePattern.test(given)) return wrongName;
      return folder === null ? obstacleAt(packageOf(given)) : undefined;
    },
  });
  return isCancel(answer) ? null : answer;
}

async function askKind(): Promise<KindName | null> {
  const answer = await select({
    message: 'What is it?',
    options: kindNames.map((value) => ({ value, label: kinds[value].title })),
  });
  return isCancel(answer) ? null : answer;
}

const ownVersion = (): string => JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')).version;
