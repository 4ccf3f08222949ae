import { mkdir, rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { asWriteError } from '../files/file-errors.js';
import { type ClaimedFolder, claimFolder, type FolderOutputOptions } from './claim-folder.js';
import { contentName, moveInto, syncFolder } from './moves.js';
import { giveUp, settle } from './settle.js';

/** Files that make a folder be taken for what it is: they come last where files have to be moved one by one. */
const heads = ['plan.json', 'model.safetensors.index.json', 'config.json'];

/**
 * A folder that a run is going to write. It is kept to this run from the beginning, when all is tried that could fail
 * in the end, and appears when it is committed: whole, by a rename, where nothing was. Where an empty folder was, which
 * may be a mount point, a link, or in a folder that takes no others, its files are moved into it one after the other,
 * `config.json` last; what a run that is killed meanwhile has moved, the next one takes back.
 */
export class FolderOutput {
  /** What the user named, absolute. */
  readonly out: string;
  /** An empty folder to be filled. */
  readonly path: string;
  readonly #claimed: ClaimedFolder;
  #isOpen = true;

  private constructor(out: string, claimed: ClaimedFolder) {
    this.out = resolve(out);
    this.#claimed = claimed;
    this.path = join(claimed.staging.path, contentName);
  }

  /**
   * Throws `OUTPUT_EXISTS` unless nothing, an empty folder, or one that may be replaced is at `out`; `OUTPUT_BUSY` while
   * another run writes there; `DISK_FULL` or `WRITE_FAILED` where it cannot be written.
   */
  static async claim(out: string, options: FolderOutputOptions = {}): Promise<FolderOutput> {
    const output = new FolderOutput(out, await claimFolder(out, options));
    try {
      await mkdir(output.path);
      return output;
    } catch (cause) {
      await output.abandon();
      throw asWriteError(cause, output.out);
    }
  }

  /** Puts the folder in its place. What cannot be put there is kept beside it: throws `OUTPUT_EXISTS`, saying where. */
  async commit(): Promise<void> {
    const { target, staging, replaced } = this.#claimed;
    this.#isOpen = false;
    await settle(this.#claimed, this.path, async () => {
      await syncFolder(this.path);
      if (replaced === null) {
        await rename(this.path, target);
        await syncFolder(dirname(target));
      } else {
        await moveInto(target, { staging: staging.path, from: this.path, go: replaced, last: heads });
      }
    });
  }

  /** Leaves everything as it was, unless the folder has been committed. */
  async abandon(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await giveUp(this.#claimed);
  }
}

/**
 * Makes the folder `out` appear whole or not at all: `fill` writes into one that becomes it when everything is on the
 * disk, and is removed if anything fails. Returns what `fill` returns. Throws what `FolderOutput` throws, `DISK_FULL`
 * or `WRITE_FAILED`, and what `fill` throws of our own. An output that was claimed before is committed or abandoned.
 */
export async function createFolder<T>(
  out: string | FolderOutput,
  fill: (directory: string) => Promise<T>,
): Promise<T> {
  const output = typeof out === 'string' ? await FolderOutput.claim(out) : out;
  try {
    const result = await fill(output.path);
    await output.commit();
    return result;
  } catch (cause) {
    await output.abandon();
    throw asWriteError(cause, output.out);
  }
}
