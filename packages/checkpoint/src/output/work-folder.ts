import { asWriteError } from '../files/file-errors.js';
import type { HeldLock } from '../files/lock.js';
import { isPartialName } from '../files/replace-file.js';
import { claim, folderLockPath } from './claim.js';
import { contentOf, type FolderOutputOptions, strange } from './claim-folder.js';
import { checkWritable, type MadeFolders, makeOutputFolder } from './place.js';

interface WorkFolderOptions extends Pick<FolderOutputOptions, 'progress'> {
  readonly shared?: boolean;
  /** Whether what is in the folder is of an earlier run; by default anything may be there. */
  readonly isOwn?: FolderOutputOptions['isOwn'];
}

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
   * Makes the folder. With `shared` other runs may write there too, as machines on one queue do. Throws `OUTPUT_EXISTS`
   * for one that is neither empty nor one's own, `OUTPUT_BUSY` while another run has it, and `DISK_FULL` or
   * `WRITE_FAILED` where nothing can be written.
   */
  static async open(
    out: string,
    { shared = false, isOwn, progress }: WorkFolderOptions = {},
  ): Promise<WorkFolder> {
    await checkWritable(out);
    const made = await makeOutputFolder(out);
    try {
      const content = (await contentOf(made.path)).filter((name) => !isPartialName(name));
      if (isOwn && content.length > 0 && !(await isOwn(made.path))) throw strange(made.path);
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
