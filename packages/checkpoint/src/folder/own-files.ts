import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import type { MoepressError } from '@moepress/core';
import { invalidCheckpoint } from '../files/file-errors.js';

/**
 * The small files that make a checkpoint usable: tokenizer, chat template, generation defaults,
 * licence, and the code of families that transformers does not ship, which moepress never runs.
 * They are downloaded with it and travel along when it is written again.
 */
const companions: readonly RegExp[] = [
  /^generation_config\.json$/,
  /^tokenizer.*\.(json|model)$/,
  /^(special_tokens_map|added_tokens|vocab|chat_template|preprocessor_config)\.json$/,
  /^(merges|vocab)\.txt$/,
  /^chat_template\.jinja$/,
  /^(configuration|modeling|tokenization)_(?!moepress)\w+\.py$/,
  /^(LICENSE|LICENCE|NOTICE|USE_POLICY)[\w-]*(\.(txt|md|pdf))?$/i,
];

/** Whether a file name, without folders, is one of them. */
export function isCompanion(name: string): boolean {
  return companions.some((pattern) => pattern.test(name));
}

/** A file that belongs to a checkpoint. */
export interface OwnFile {
  readonly name: string;
  /** Links resolved. */
  readonly path: string;
  readonly bytes: number;
}

/**
 * A file of a checkpoint folder that may be copied into another: a regular one inside the folder, or a blob of the Hub's
 * cache, which links in snapshots lead to. Null if there is none of that name. A folder from a stranger may hold links to
 * anything of the user's, so that any other link is refused: throws `CHECKPOINT_INVALID` naming it, as for a link to
 * nothing, a pipe or a device.
 */
export async function ownFile(directory: string, name: string): Promise<OwnFile | null> {
  const path = join(directory, name);
  if ((await lstat(path).catch(() => null)) === null) return null;
  const real = await realpath(path).catch(() => null);
  if (real === null) throw refused(`${name} is a link that leads to nothing`, path);
  const info = await stat(real);
  if (!info.isFile()) throw refused(`${name} is not a file`, path);
  const folder = await realpath(directory);
  if (!isInside(folder, real) && !isOwnBlob(folder, real) && !isBlob(real)) {
    throw refused(`${name} is a link that leaves the folder, to ${real}`, path);
  }
  return { name, path: real, bytes: info.size };
}

/** Opens such a file, and no link or pipe that has come in its place. Throws `CHECKPOINT_INVALID`. */
export async function openOwnFile({ name, path }: OwnFile): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (constants.O_NOFOLLOW ?? 0);
  const file = await open(path, flags).catch((cause: Error) => {
    throw refused(`${name} cannot be read (${cause.message})`, path, cause);
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw refused(`${name} is not a file`, path);
}

/** The companions of a folder. Throws `CHECKPOINT_INVALID` as `ownFile`. */
export async function ownCompanions(directory: string): Promise<OwnFile[]> {
  const names = (await readdir(directory)).filter(isCompanion).sort();
  const files = await Promise.all(names.map((name) => ownFile(directory, name)));
  return files.filter((file) => file !== null);
}

/**
 * Makes sure that what is read of a checkpoint folder are files: opening a pipe waits for ever. Throws
 * `CHECKPOINT_INVALID`.
 */
export async function checkFiles(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isFile() || entry.isDirectory() || !isRead(entry.name)) continue;
    const path = join(directory, entry.name);
    // A link to nothing is as good as no file.
    const info = await stat(path).catch(() => null);
    if (info && !info.isFile() && !info.isDirectory()) throw refused(`${entry.name} is not a file`, path);
  }
}

const isRead = (name: string): boolean =>
  isCompanion(name) || /\.(json|safetensors|jinja)$/.test(name) || name === 'README.md';

const isInside = (folder: string, path: string): boolean => {
  const inside = relative(folder, path);
  return inside !== '' && inside.split(sep)[0] !== '..';
};

/** For a file in `models--a--b/snapshots/<commit>`, the file in `models--a--b/blobs` that it links to. */
function isOwnBlob(folder: string, path: string): boolean {
  const snapshots = dirname(folder);
  return basename(snapshots) === 'snapshots' && dirname(path) === join(dirname(snapshots), 'blobs');
}

/** A blob of any repository in a cache, which folders link to that were downloaded with its help. */
function isBlob(path: string): boolean {
  const blobs = dirname(path);
  if (basename(blobs) !== 'blobs' || !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(basename(path))) return false;
  return /^(models|datasets|spaces)--/.test(basename(dirname(blobs)));
}

const refused = (problem: string, where: string, cause?: unknown): MoepressError =>
  invalidCheckpoint(problem, where, {
    hint: 'Replace the link by the file itself, or remove it.',
    cause,
  });
