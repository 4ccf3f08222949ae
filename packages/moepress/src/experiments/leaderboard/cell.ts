import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MoepressError, parseJson } from '@moepress/core';
import { z } from 'zod';

/** Counted up when cells of an older moepress must not be taken any more. */
export const cellFormat = 2;

const share = z.number().min(0).max(1);

/** How far the model has moved from the original on all tasks together, as the harness' `Movement`. */
const movementSchema = z.object({
  tokens: z.int().positive(),
  kl_mean: z.number().nonnegative(),
  kl_p99: z.number().nonnegative(),
  top1_agreement: share,
  loops: share.optional(),
  other_script: share.optional(),
});

const cellSchema = z.object({
  format: z.literal(cellFormat),
  /** Address of the variant, 64 hexadecimal digits. */
  variant: z.string(),
  model: z.string(),
  revision: z.string().nullable(),
  /** The method; null for the original. */
  method: z.string().nullable(),
  ratio: z.number(),
  calibration: z.string().nullable(),
  seed: z.number().nullable(),
  /** Address of the row of the board: the same for all seeds of one; null where it was not kept. */
  row: z.string().nullable().default(null),
  /** Address of what was decided, the same where seeds change nothing; null for the original, and where it was not kept. */
  decision: z.string().nullable().default(null),
  /** Shares of parameters that are gone. */
  removed: z.object({ routed: z.number(), whole: z.number() }),
  parameters: z.number(),
  /** Bytes of the weights. */
  bytes: z.number(),
  /** Speed of scoring, on the machine that did it; null where nothing had to be computed. */
  throughput: z
    .object({
      tokensPerSecond: z.number(),
      machine: z.string(),
      /** Standard error by the parts that were timed one by one; null where there was one, or it was not kept. */
      error: z.number().nullable().default(null),
    })
    .nullable(),
  /** Scores by task and `metric,filter`. */
  scores: z.record(z.string(), z.record(z.string(), z.number())),
  /** Null for the original, and where nothing was compared. */
  movement: movementSchema.nullable().default(null),
  /** Files, relative to the folder of the leaderboard; no plan for the original. */
  plan: z.string().nullable(),
  results: z.string(),
  samples: z.record(z.string(), z.string()),
});

/** A finished variant with its scores: a row of the leaderboard. */
export type Cell = z.output<typeof cellSchema>;

/** What cells of earlier versions may lack. */
const absent = { row: null, decision: null, movement: null };

export const newCell = (
  cell: Omit<Cell, 'format' | keyof typeof absent> & Partial<Pick<Cell, keyof typeof absent>>,
): Cell => ({ format: cellFormat, ...absent, ...cell });

/** Folder of a variant within that of the leaderboard. */
export const variantFolder = (address: string) => join('variants', address.slice(0, 16));

/** The file of the cell for a variant and the questions with this address; it exists only when the cell is complete. */
export const cellFile = (variant: string, questions: string) =>
  join(variantFolder(variant), `cell-${questions.slice(0, 16)}.json`);

/** A cell that was finished; null if it was not, or a file of another variant or format is there. */
export async function readCell(file: string, variant: string): Promise<Cell | null> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null;
    const message = `A finished cell cannot be read: ${cause.message}.`;
    throw new MoepressError('INPUT_INVALID', { message, where: file, cause });
  });
  if (text === null) return null;
  return parseCell(parse(text), variant);
}

/** Null for anything but a cell of that variant in this format whose files are in the variant's folder. */
export function parseCell(value: unknown, variant: string): Cell | null {
  const { data } = cellSchema.safeParse(value);
  if (data?.variant !== variant) return null;
  return filesOf(data).every((path) => isWithin(variantFolder(variant), path)) ? data : null;
}

/** Files of a cell, relative to the folder of the leaderboard. */
export const filesOf = ({ plan, results, samples }: Cell): string[] => [
  ...(plan === null ? [] : [plan]),
  results,
  ...Object.values(samples),
];

/** Whether a path is one of a file in a folder below: plainly written, since pages link to it. */
function isWithin(folder: string, path: string): boolean {
  const parts = path.split('/');
  return (
    path.startsWith(`${folder}/`) &&
    !/[\p{Cc}\\]/u.test(path) &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}
