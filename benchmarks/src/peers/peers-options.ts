import { parseArgs } from 'node:util';
import { MoepressError, suggest } from '@moepress/core';

/** The options of `npm run bench -- peers`. */
export interface PeersOptions {
  /** Names of rows. */
  readonly rows: readonly string[];
  readonly shapes: readonly string[];
  /** Layers in place of those of the shapes. */
  readonly layers: number | null;
  readonly rounds: number;
  /** Whether the rows join the results that are there. */
  readonly add: boolean;
}

const text = { type: 'string' } as const;
const flags = { shape: text, layers: text, rounds: text, add: { type: 'boolean' } } as const;

/** Throws `INPUT_INVALID` with the names that exist. */
export function parsePeersOptions(
  args: readonly string[],
  known: { readonly rows: readonly string[]; readonly shapes: readonly string[] },
): PeersOptions {
  const { values, positionals } = parsed(args);
  const rows = positionals.flatMap((list) => list.split(','));
  const shapes = values.shape?.split(',') ?? [];
  for (const name of rows) check(name, known.rows, 'row');
  for (const name of shapes) check(name, known.shapes, 'shape');
  return {
    rows: known.rows.filter((name) => rows.length === 0 || rows.includes(name)),
    shapes: known.shapes.filter((name) => shapes.length === 0 || shapes.includes(name)),
    layers: counted(values.layers, '--layers'),
    rounds: counted(values.rounds, '--rounds') ?? 3,
    add: values.add ?? false,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, allowPositionals: true });
  } catch (error) {
    throw invalid((error as Error).message, args.join(' '), usage);
  }
}

const usage =
  'npm run bench -- peers [<row> ...] [--shape <shape>,...] [--layers <n>] [--rounds <n>] [--add]';

function check(name: string, known: readonly string[], what: string): void {
  if (known.includes(name)) return;
  const meant = suggest(name, known);
  const hint = `${meant ? `Did you mean ${meant}? ` : ''}Pick from ${known.join(', ')}.`;
  throw invalid(`There is no ${what} "${name}".`, name, hint);
}

function counted(value: string | undefined, flag: string): number | null {
  if (value === undefined) return null;
  if (/^[1-9]\d*$/.test(value)) return Number(value);
  throw invalid(`${flag} takes a whole number above 0, not "${value}".`, flag, usage);
}

const invalid = (message: string, where: string, hint: string) =>
  new MoepressError('INPUT_INVALID', { message, where, hint });
