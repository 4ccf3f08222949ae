import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { asWriteError, type OwnFile, openOwnFile, ownCompanions, ownFile } from '@moepress/checkpoint';
import { type Model, MoepressError } from '@moepress/core';

const cardName = 'README.md';

/** A limit far above the size of any model card. */
const mostCardBytes = 16 * 1024 * 1024;

/**
 * Tokenizer, chat template, generation defaults and licence found in a folder. Throws `CHECKPOINT_INVALID` for one that
 * is not a file of the folder or the Hub's cache.
 */
export const findCompanions = (directory: string): Promise<OwnFile[]> => ownCompanions(directory);

/** Throws the errors that writing a view of the model would throw because of the files next to its weights. */
export async function checkCompanions({ source }: Model): Promise<void> {
  await findCompanions(source.directory);
  await readCard(source.directory);
}

/** Throws `CHECKPOINT_INVALID`, `DISK_FULL` or `WRITE_FAILED`. */
export async function copyCompanions(companions: readonly OwnFile[], to: string): Promise<void> {
  for (const companion of companions) {
    const from = await openOwnFile(companion);
    const target = join(to, companion.name);
    try {
      // Closes both.
      await pipeline(from.createReadStream(), createWriteStream(target, { flags: 'wx', flush: true }));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).syscall === 'read') throw unreadable(companion, cause as Error);
      throw asWriteError(cause, target);
    }
  }
}

/** The original's README.md, or null. Throws `CHECKPOINT_INVALID`. */
export async function readCard(directory: string): Promise<string | null> {
  const card = await ownFile(directory, cardName);
  if (card === null || card.bytes > mostCardBytes) return null;
  const file = await openOwnFile(card);
  try {
    return await file.readFile('utf8');
  } catch (cause) {
    throw unreadable(card, cause as Error);
  } finally {
    await file.close();
  }
}

const unreadable = ({ name, path }: OwnFile, cause: Error): MoepressError =>
  new MoepressError('CHECKPOINT_INVALID', {
    message: `${name} cannot be read: ${cause.message}.`,
    where: path,
    hint: 'Check its permissions.',
    cause,
  });
