import { realpath } from 'node:fs/promises';
import { MoepressError, throwIfAborted, type Work } from '@moepress/core';
import {
  blobDigest,
  isSameStamp,
  type KnownDigest,
  readDigest,
  type Stamp,
  settledStamp,
  stampOf,
  writeDigest,
} from './digest-record.js';
import { hashFiles } from './hash-files.js';

/** Digests of some files, and the state the files were in. */
export interface DigestedFiles {
  /** SHA-256 in hexadecimal, by the paths that were asked for. */
  readonly digests: ReadonlyMap<string, string>;
  /** Throws `CHECKPOINT_CHANGED` if one of the files is another now. */
  checkUnchanged(): Promise<void>;
}

/**
 * SHA-256 of whole files, computed once: what was computed is kept with the path, size, times and inode of the file,
 * and computed again as soon as one of them is another. A file whose bytes changed while all of these stayed as they
 * were is taken for the old one; writing to a file always moves one of them.
 *
 * A file of the Hugging Face cache that the Hub knows by its SHA-256 is believed to have it when it is first seen, and
 * is not read. From then on it is a file like any other.
 */
export class FileDigests {
  readonly #folder: string | null;
  /** Digests by resolved path. They are also used where no record can be written. */
  readonly #inMemory = new Map<string, KnownDigest>();
  #busy: Promise<unknown> = Promise.resolve();
  #hasWarned = false;

  /** `folder` is made when something is written; null keeps nothing on disk. */
  constructor(folder: string | null) {
    this.#folder = folder;
  }

  /**
   * Digests of files. Throws `CHECKPOINT_NOT_FOUND` for a file that cannot be read, `CHECKPOINT_CHANGED` for one that
   * changes meanwhile, and `ABORTED`. That a digest cannot be kept is a warning.
   */
  async of(paths: Iterable<string>, work: Work = {}): Promise<DigestedFiles> {
    // One after the other: who asks for the same files a little later finds them known.
    const digested = this.#busy.then(() => this.#compute([...new Set(paths)], work));
    this.#busy = digested.catch(() => {});
    return digested;
  }

  /** The same without reading the file; null if its digest is not known. */
  async known(paths: Iterable<string>): Promise<DigestedFiles | null> {
    const found = new Map<string, KnownDigest>();
    for (const path of new Set(paths)) {
      const digest = await this.#find(await resolved(path), {});
      if (!digest) return null;
      found.set(path, digest);
    }
    return digested(found);
  }

  async #compute(paths: readonly string[], work: Work): Promise<DigestedFiles> {
    throwIfAborted(work.signal);
    const found = new Map<string, KnownDigest>();
    const unknown = new Map<string, string>();
    for (const path of paths) {
      const file = await resolved(path);
      const digest = await this.#find(file, work);
      if (digest) found.set(path, digest);
      else unknown.set(path, file);
    }
    const hashed = await this.#hash([...new Set(unknown.values())], work);
    for (const [path, file] of unknown) found.set(path, hashed.get(file)!);
    return digested(found);
  }

  /** What is known of a file as it is now. */
  async #find(path: string, work: Work): Promise<KnownDigest | null> {
    const stamp = await readingOf(path, () => stampOf(path));
    const known =
      this.#inMemory.get(path) ?? (this.#folder === null ? null : await readDigest(this.#folder, path));
    if (known && isSameStamp(known.stamp, stamp)) {
      this.#inMemory.set(path, known);
      return known;
    }
    const sha256 = known ? null : blobDigest(path);
    if (sha256 === null) return null;
    await this.#keep(path, { stamp, sha256 }, work);
    return { stamp, sha256 };
  }

  async #hash(paths: readonly string[], work: Work): Promise<Map<string, KnownDigest>> {
    if (paths.length === 0) return new Map();
    const files: { path: string; size: number; stamp: Stamp; isSettled: boolean }[] = [];
    for (const path of paths) {
      const state = await readingOf(path, () => settledStamp(path, work.signal), work.signal);
      files.push({ path, size: Number(state.stamp.size), ...state });
    }
    const hashes = await readingOf(paths.join(', '), () => hashFiles(files, work));
    const found = new Map<string, KnownDigest>();
    for (const [i, { path, stamp, isSettled }] of files.entries()) {
      const digest = { stamp, sha256: hashes[i]! };
      if (!(await isUnchanged(path, stamp))) throw changed(path);
      if (isSettled) await this.#keep(path, digest, work);
      found.set(path, digest);
    }
    return found;
  }

  async #keep(path: string, digest: KnownDigest, { progress }: Work): Promise<void> {
    this.#inMemory.set(path, digest);
    if (this.#folder === null) return;
    try {
      await writeDigest(this.#folder, path, digest);
    } catch (cause) {
      const message = `Digests of weights are not kept, so that the next run reads them once more: ${(cause as Error).message}`;
      if (!this.#hasWarned) progress?.({ type: 'warning', message });
      this.#hasWarned = true;
    }
  }
}

function digested(found: ReadonlyMap<string, KnownDigest>): DigestedFiles {
  return {
    digests: new Map([...found].map(([path, { sha256 }]) => [path, sha256])),
    async checkUnchanged() {
      for (const [path, { stamp }] of found) if (!(await isUnchanged(path, stamp))) throw changed(path);
    },
  };
}

async function isUnchanged(path: string, stamp: Stamp): Promise<boolean> {
  const now = await stampOf(path).catch(() => null);
  return now !== null && isSameStamp(now, stamp);
}

const resolved = (path: string): Promise<string> => readingOf(path, () => realpath(path));

/** Does what reads a file. Throws `CHECKPOINT_NOT_FOUND` and `ABORTED`. */
async function readingOf<T>(where: string, read: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throwIfAborted(signal);
    if (MoepressError.isInstance(cause)) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new MoepressError('CHECKPOINT_NOT_FOUND', {
      message: `The file cannot be read (${code ?? message}).`,
      where,
      hint: 'Check that it is there, and its permissions.',
      cause,
    });
  }
}

function changed(where: string): MoepressError {
  return new MoepressError('CHECKPOINT_CHANGED', {
    message: 'The file was changed while it was in use, so nothing that was computed from it is kept.',
    where,
  });
}
