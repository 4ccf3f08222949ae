import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isCompanion } from '@moepress/checkpoint';

/** A file of the original checkpoint that travels along. */
export interface Companion {
  readonly name: string;
  readonly bytes: number;
}

/** Tokenizer, chat template, generation defaults and licence found in a folder. */
export async function findCompanions(directory: string): Promise<Companion[]> {
  const names = (await readdir(directory)).filter(isCompanion).sort();
  const sizes = await Promise.all(names.map((name) => stat(join(directory, name))));
  return names.map((name, i) => ({ name, bytes: sizes[i]!.size }));
}

export async function copyCompanions(
  companions: readonly Companion[],
  from: string,
  to: string,
): Promise<void> {
  for (const { name } of companions) {
    await writeFile(join(to, name), await readFile(join(from, name)), { flush: true });
  }
}

/** The original's README.md, or null. */
export async function readCard(directory: string): Promise<string | null> {
  return readFile(join(directory, 'README.md'), 'utf8').catch(() => null);
}
