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
  /** Those named; all, or those of the mode, if none is. The table has shapes of its own. */
  readonly shapes: readonly Shape[] | null;
  /** Names of commands or kinds of them, or of rows of the table; null: all. */
  readonly selection: readonly string[] | null;
  readonly layers: number | null;
  readonly short: boolean;
  /** Whether the rows join the results of the whole mode, in place of earlier ones of the same shapes and commands. */
  readonly add: boolean;
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
  add: { type: 'boolean' },
  python: text,
  exact: text,
  documents: text,
  'memory-limit': text,
} as const;

const usage = `npm run bench -- real [commands|table|limit|memory] [<shape>,...] [<command or row>,...]
  [--layers <n>] [--short] [--add] [--python <path>] [--exact <documents>] [--documents <n>] [--memory-limit <bytes>]`;

/** Throws `INPUT_INVALID` with the names that exist. */
export function parseOptions(args: readonly string[]): RealOptions {
  const { values, positionals } = parsed(args);
  const mode = modes.find((name) => name === positionals[0]);
  const rest = mode ? positionals.slice(1) : positionals;
  const ofShapes = shapes.map(({ name }) => name);
  const first = rest[0]?.split(',') ?? [];
  // After a mode, what names no shape is a command or a row.
  const named = mode !== 'table' && (!mode || first.some((name) => ofShapes.includes(name))) ? first : [];
  // One name may be a mode; several are shapes.
  const known = named.length > 1 || mode ? ofShapes : [...modes, ...ofShapes];
  for (const name of named) check(name, known, named.length > 1 || mode ? 'shape' : 'mode or shape');
  const [selection, ...more] = named.length > 0 ? rest.slice(1) : rest;
  if (more.length > 0) throw invalid(`Nothing is known to do with "${more.join(' ')}".`, more[0]!, usage);
  if (mode === 'table' && values.add) throw invalid('The table is measured in one run.', '--add', usage);
  return {
    mode: mode ?? 'commands',
    shapes: named.length > 0 ? shapes.filter(({ name }) => named.includes(name)) : null,
    selection: selection === undefined ? null : selected(selection, mode === 'table'),
    layers: positive(values.layers, '--layers'),
    short: values.short ?? false,
    add: values.add ?? false,
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
