import type { Progress } from '@moepress/core';
import { asWriteError } from '../files/file-errors.js';
import type { HeldLock } from '../files/lock.js';
import { claim, folderLockPath } from './claim.js';
import { checkWritable, type MadeFolders, makeOutputFolder } from './place.js';

/** A folder into which a run writes many files, some of which may be there. It is kept to the run until it is released. */
export class WorkFolder {
  /** Absolute, links resolved. */
  readonly path: string;
  readonly #lock: HeldLock | null;
  readonly #made: MadeFolders;

  private constructor(made: MadeFolders, lock: HeldLock | null) {
    this.path = made.path;
    this.#lock = lock;
    this.#made = made;
  }

  /**
   * Makes the folder. With `shared` other runs may write there too, as machines on one queue do. Throws `OUTPUT_BUSY`
   * while another run has it, and `DISK_FULL` or `WRITE_FAILED` where nothing can be written.
   */
  static async open(
    out: string,
    {
      shared = false,
      progress,
    }: { readonly shared?: boolean; readonly progress?: Progress | undefined } = {},
  ): Promise<WorkFolder> {
    await checkWritable(out);
    const made = await makeOutputFolder(out);
    try {
      const lock = shared ? null : await claim(folderLockPath(made.path), made.path, progress);
      return new WorkFolder(made, lock);
    } catch (cause) {
      await made.takeBack();
      throw asWriteError(cause, out);
    }
  }

  /** Gives it back; removes it if nothing has been written. */
  async release(): Promise<void> {
    await this.#lock?.release().catch(() => {});
    await this.#made.takeBack();
  }
}
