import { parseArgs } from 'node:util';
import { MoepressError, suggest } from '@moepress/core';
import { kinds } from './jobs.js';
import { type Shape, shapes } from './shapes.js';
import { tableRows } from './table-rows.js';

const modes = ['commands', 'table', 'limit', 'memory'] as const;
export type Mode = (typeof modes)[number];

/** The options of `npm run bench -- real`. */
export interface RealOptions {
  readonly mode: Mode;
  /** Those named; all, or those of the mode, if none is. */
  readonly shapes: readonly Shape[] | null;
  /** Names of commands or kinds of them, or of rows of the table; null: all. */
  readonly selection: readonly string[] | null;
  readonly layers: number | null;
  readonly short: boolean;
  /** A Python with lm_eval, torch and transformers. */
  readonly python: string | null;
  /** Documents of each row that are also scored by torch in 32-bit floats. */
  readonly exact: number;
  /** Bytes of anonymous memory that a command may take. */
  readonly memoryLimit: number | null;
  /** Documents of each row of the table at most. */
  readonly documents: number | null;
}

const text = { type: 'string' } as const;
const flags = {
  layers: text,
  short: { type: 'boolean' },
  python: text,
  exact: text,
  documents: text,
  'memory-limit': text,
} as const;

const usage = `npm run bench -- real [commands|table|limit|memory|<shape>,...] [<command or row>,...]
  [--layers <n>] [--short] [--python <path>] [--exact <documents>] [--documents <n>] [--memory-limit <bytes>]`;

/** Throws `INPUT_INVALID` with the names that exist. */
export function parseOptions(args: readonly string[]): RealOptions {
  const { values, positionals } = parsed(args);
  const [what = 'commands', selection, ...more] = positionals;
  if (more.length > 0) throw invalid(`Nothing is known to do with "${more.join(' ')}".`, more[0]!, usage);
  const mode = modes.find((name) => name === what);
  const names = what.split(',');
  // One name may be a mode; several are shapes.
  const ofShapes = shapes.map(({ name }) => name);
  const known = names.length > 1 ? ofShapes : [...modes, ...ofShapes];
  for (const name of names) check(name, known, names.length > 1 ? 'shape' : 'mode or shape');
  return {
    mode: mode ?? 'commands',
    shapes: mode ? null : shapes.filter(({ name }) => names.includes(name)),
    selection: selection === undefined ? null : selected(selection, mode === 'table'),
    layers: positive(values.layers, '--layers'),
    short: values.short ?? false,
    python: values.python ?? null,
    exact: positive(values.exact, '--exact') ?? 0,
    memoryLimit: positive(values['memory-limit'], '--memory-limit'),
    documents: positive(values.documents, '--documents'),
  };
}

function parsed(args: readonly string[]) {
  const unknown = args.find((arg) => arg.startsWith('--') && !(arg.replace(/^--|=.*/g, '') in flags));
  if (unknown !== undefined)
    check(
      unknown,
      Object.keys(flags).map((flag) => `--${flag}`),
      'option',
    );
  try {
    return parseArgs({ args: [...args], options: flags, allowPositionals: true });
  } catch (error) {
    throw invalid((error as Error).message, args.join(' '), usage);
  }
}

/** Commands are known by their beginning only: which methods there are, plugins say. */
function selected(text: string, table: boolean): string[] {
  const names = text.split(',');
  const known = table ? tableRows.map(({ name }) => name) : kinds;
  for (const name of names) {
    const start = table ? name : name.replace(/-.*/, '');
    check(start, known, table ? 'row' : 'command');
  }
  return names;
}

function check(name: string, known: readonly string[], what: string): void {
  if (known.includes(name)) return;
  const meant = suggest(name, known);
  const hint = `${meant ? `Did you mean ${meant}? ` : ''}Pick from ${known.join(', ')}.`;
  throw invalid(`There is no ${what} "${name}" here.`, name, hint);
}

function positive(text: string | undefined, flag: string): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw invalid(`"${text}" is not a positive whole number.`, flag, `Give ${flag} such as 4.`);
}

const invalid = (message: string, where: string, hint: string) =>
  new MoepressError('INPUT_INVALID', { message, where, hint });
