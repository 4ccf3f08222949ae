import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { asWriteError, makeFolders } from '@moepress/checkpoint';
import { MoepressError, type Progress } from '@moepress/core';
import { checkFree } from '@moepress/export';

/**
 * Makes sure that a file could be written at `path`, in folders that may have to be made first, so that
 * hours of work do not end in a misspelt path. Throws `OUTPUT_EXISTS` for a folder, or `WRITE_FAILED`.
 */
export async function checkFileOutput(path: string): Promise<void> {
  const info = await stat(path).catch(() => null);
  if (info?.isDirectory()) {
    throw new MoepressError('OUTPUT_EXISTS', {
      message: 'There is a folder at the output path.',
      where: path,
      mend: 'Give the name of a file.',
    });
  }
  await checkFolderOutput(dirname(resolve(path)));
}

/** The same for files in the folder `path`, which may exist. Throws `WRITE_FAILED`. */
export async function checkFolderOutput(path: string): Promise<void> {
  const folder = resolve(path);
  const info = await stat(folder).catch(() => null);
  if (info === null && dirname(folder) !== folder) return checkFolderOutput(dirname(folder));
  if (info && !info.isDirectory()) {
    throw new MoepressError('WRITE_FAILED', {
      message: 'This is not a folder.',
      where: folder,
      mend: 'Choose another output path.',
    });
  }
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw asWriteError(cause, folder);
  }
}

/** The same for a checkpoint, which appears as a folder. Throws `OUTPUT_EXISTS` or `WRITE_FAILED`. */
export async function checkCheckpointOutput(path: string): Promise<void> {
  await checkFree(path);
  await checkFolderOutput(path);
}

/** Makes the folder a file goes into. Throws `WRITE_FAILED` or `DISK_FULL`. */
export async function makeParent(path: string): Promise<void> {
  await makeFolders(dirname(resolve(path)));
}

/**
 * The folder of a store: the one the user chose, or the default one, which is a convenience: where it cannot be
 * written, work is done without it, after a warning that `what` is not kept. Null: none. Throws `WRITE_FAILED` for a
 * chosen one.
 */
export async function storeFolder(
  chosen: string | false | undefined,
  fallback: string,
  what: string,
  progress: Progress | undefined,
): Promise<string | null> {
  if (chosen === false) return null;
  const folder = chosen === undefined ? fallback : resolve(chosen);
  try {
    await checkFolderOutput(folder);
    return folder;
  } catch (error) {
    if (chosen !== undefined || !MoepressError.isInstance(error)) throw error;
    progress?.({ type: 'warning', message: `${what} are not kept in ${folder}: ${error.message}` });
    return null;
  }
}
