import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { recipeOf, type Subject } from './jobs.js';
import { benchFolder, inScratch, moepress } from './moepress.js';
import { prepareRows, type Rows } from './rows.js';
import type { Shape } from './shapes.js';
import type { Sizes } from './sizes.js';
import { addTokenizer, type Tokenized } from './tokenizers.js';

/** A checkpoint with its tokenizer, and the questions it is asked. */
export interface Prepared extends Tokenized {
  readonly shape: Shape;
  readonly layers: number;
  readonly rows: Rows;
}

/** Makes the files that do not exist yet. */
export async function prepare(shape: Shape, layers: number): Promise<Prepared> {
  await mkdir(benchFolder, { recursive: true });
  const checkpoint = join(benchFolder, `${shape.folder}-${layers}-layers`);
  await shape.write(checkpoint, layers);
  const tokenized = await addTokenizer(checkpoint, shape);
  return { shape, layers, ...tokenized, rows: await prepareRows(benchFolder) };
}

/** Provides the subjects of jobs, with a scratch folder that is removed afterwards. */
export function withSubject<T>(
  { shape, layers, directory, rows }: Prepared,
  sizes: Sizes,
  use: (subject: Subject) => Promise<T>,
): Promise<T> {
  return inScratch(benchFolder, async (scratch) => {
    const methods = await possibleMethods(directory, scratch);
    const subject = { shape, layers, directory, rows, methods, scratch, sizes };
    await writeFile(join(scratch, 'recipe.yaml'), JSON.stringify(recipeOf(subject)));
    return use(subject);
  });
}

interface Inspected {
  readonly methods: readonly {
    readonly name: string;
    readonly savings: readonly { readonly ratio: number; readonly possible: boolean }[];
  }[];
}

/** Methods that can remove half of the experts. */
async function possibleMethods(directory: string, scratch: string): Promise<string[]> {
  const { outcome, stdout, complaint } = await moepress(['inspect', directory], scratch);
  if (outcome !== 'done') throw new Error(`moepress inspect ${directory}: ${complaint}`);
  const { methods } = JSON.parse(stdout) as Inspected;
  return methods
    .filter(({ savings }) => savings.some(({ ratio, possible }) => ratio === 0.5 && possible))
    .map(({ name }) => name);
}
