import { type FileHandle, open } from 'node:fs/promises';
import { MoepressError } from '@moepress/core';

/** The checkpoint files one piece of work reads, each opened once. Close it when done. */
export class OpenFiles {
  readonly #handles = new Map<string, Promise<FileHandle>>();

  /**
   * Fills `target` from a position of a file on. Returns how many bytes there were: fewer if the file ends. Throws
   * `CHECKPOINT_NOT_FOUND` if it is gone.
   */
  async read(file: string, position: number, target: Uint8Array<ArrayBuffer>): Promise<number> {
    return readUpTo(await this.#open(file), position, target);
  }

  #open(file: string): Promise<FileHandle> {
    const known = this.#handles.get(file);
    if (known) return known;
    const opening = open(file, 'r').catch((cause: NodeJS.ErrnoException) => {
      throw new MoepressError('CHECKPOINT_NOT_FOUND', {
        message: `The file cannot be opened (${cause.code}).`,
        where: file,
        cause,
      });
    });
    this.#handles.set(file, opening);
    return opening;
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#handles.values());
    this.#handles.clear();
    for (const handle of opened) if (handle.status === 'fulfilled') await handle.value.close();
  }
}

/** Fills `target` from a position on. Returns how many bytes there were: fewer if the file ends. */
export async function readUpTo(
  handle: FileHandle,
  position: number,
  target: Uint8Array<ArrayBuffer>,
): Promise<number> {
  let done = 0;
  while (done < target.length) {
    const { bytesRead } = await handle.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}
