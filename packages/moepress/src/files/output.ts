import { dirname, resolve } from 'node:path';
import { checkWritable, FileOutput, FolderOutput, makeFolders, replaceFile } from '@moepress/checkpoint';
import { MoepressError, type Progress } from '@moepress/core';
import { type CacheFolders, type CacheOption, cacheFolder } from '../options.js';
import { type FileKind, type FolderKind, fileKinds, folderKinds } from './output-kinds.js';

/** How an output path is taken. */
export interface OutputOptions {
  /** Replaces what is there, a folder only if it is one of moepress's own. */
  readonly force?: boolean | undefined;
  readonly progress?: Progress | undefined;
}

/**
 * Takes a file of some kind before the work begins, so that hours of it do not end in a path that cannot be written.
 * A file of the same kind is replaced. Throws what `FileOutput.claim` throws.
 */
export const claimFile = (path: string, kind: FileKind, options: OutputOptions): Promise<FileOutput> =>
  FileOutput.claim(path, { ...options, isOwn: fileKinds[kind] });

/** The same for a folder, which is only replaced with `force`. Throws what `FolderOutput.claim` throws. */
export const claimFolder = (path: string, kind: FolderKind, options: OutputOptions): Promise<FolderOutput> =>
  FolderOutput.claim(path, { ...options, isOwn: folderKinds[kind] });

/** Calls `use` with an output, or with null, and takes back what has not been committed when it ends. */
export async function withOutput<Output extends FileOutput | FolderOutput, Result>(
  claimed: Promise<Output> | null,
  use: (output: Output | null) => Promise<Result>,
): Promise<Result> {
  const output = await claimed;
  try {
    return await use(output);
  } finally {
    await output?.abandon();
  }
}

/** Throws `WRITE_FAILED` or `DISK_FULL` if a cache that the user chose cannot be written: before long work begins. */
export async function checkChosen(cache: CacheOption | undefined, kind: keyof CacheFolders): Promise<void> {
  const folder = cacheFolder(cache, kind);
  if (folder) await checkWritable(folder);
}

/**
 * The folder of a store: the one the user chose, or the default one, which is a convenience: where it cannot be
 * written, work is done without it, after a warning that `what` is not kept. Null: none. Throws `WRITE_FAILED` or
 * `DISK_FULL` for a chosen one.
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
    await checkWritable(folder);
    return folder;
  } catch (error) {
    if (chosen !== undefined || !MoepressError.isInstance(error)) throw error;
    notKept(what, folder, progress)(error);
    return null;
  }
}

/** Tells that a cache is given up, and why. */
export const notKept =
  (what: string, folder: string, progress: Progress | undefined) =>
  (error: MoepressError): void =>
    progress?.({ type: 'warning', message: `${what} are not kept in ${folder}: ${error.message}` });

/** Writes a file whole or not at all, making its folder. Throws `DISK_FULL` or `WRITE_FAILED`. */
export async function writeWhole(file: string, text: string): Promise<void> {
  await makeFolders(dirname(file));
  await replaceFile(file, (handle) => handle.writeFile(text));
}
