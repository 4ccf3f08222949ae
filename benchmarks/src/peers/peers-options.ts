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
  /** What is measured in place of what rows say, for machines that nobody has for long; the results name it. */
  readonly short: ShortForm;
  /** Peers that are not asked, by how their names begin. */
  readonly without: readonly string[];
}

/** Sizes in place of those of a row. */
export interface ShortForm {
  /** Tokens of each sequence that is read, new tokens of each sequence, and documents of a task or prompts of the generation job. */
  readonly length: number | null;
  readonly tokens: number | null;
  readonly documents: number | null;
}

const text = { type: 'string' } as const;
const flags = {
  ...({ shape: text, layers: text, rounds: text, without: text, add: { type: 'boolean' } } as const),
  ...({ length: text, tokens: text, documents: text } as const),
} as const;

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
    without: values.without?.split(',') ?? [],
    short: {
      length: counted(values.length, '--length'),
      tokens: counted(values.tokens, '--tokens'),
      documents: counted(values.documents, '--documents'),
    },
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
  'npm run bench -- peers [<row> ...] [--shape <shape>,...] [--layers <n>] [--rounds <n>] [--length <n>] [--tokens <n>] [--documents <n>] [--without <peer>,...] [--add]';

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
