import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { MoepressError } from '@moepress/core/errors';

/** The checkpoint files that one piece of work reads, each opened once. Close it when done. */
export interface SourceFiles {
  /**
   * Fills `target` from a position of a file on. Returns how many bytes there were: fewer if the file ends. Throws
   * `CHECKPOINT_NOT_FOUND` if it is gone.
   */
  read(file: string, position: number, target: Uint8Array<ArrayBuffer>): number | Promise<number>;
  close(): void | Promise<void>;
}

/** Files whose reads leave the thread free meanwhile. */
export class OpenFiles implements SourceFiles {
  readonly #handles = new Map<string, Promise<FileHandle>>();

  async read(file: string, position: number, target: Uint8Array<ArrayBuffer>): Promise<number> {
    return readUpTo(await this.#open(file), position, target);
  }

  #open(file: string): Promise<FileHandle> {
    const known = this.#handles.get(file);
    if (known) return known;
    const opening = open(file, 'r').catch((cause) => {
      throw cannotOpen(file, cause);
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

/**
 * Files whose reads hold the thread up, for threads that have nothing else to do: what is read from memory costs less
 * than to hand it from thread to thread.
 */
export class BlockingFiles implements SourceFiles {
  readonly #descriptors = new Map<string, number>();

  read(file: string, position: number, target: Uint8Array<ArrayBuffer>): number {
    const descriptor = this.#open(file);
    let done = 0;
    while (done < target.length) {
      const bytesRead = readSync(descriptor, target, done, target.length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  #open(file: string): number {
    const known = this.#descriptors.get(file);
    if (known !== undefined) return known;
    try {
      const descriptor = openSync(file, 'r');
      this.#descriptors.set(file, descriptor);
      return descriptor;
    } catch (cause) {
      throw cannotOpen(file, cause as NodeJS.ErrnoException);
    }
  }

  close(): void {
    for (const descriptor of this.#descriptors.values()) closeSync(descriptor);
    this.#descriptors.clear();
  }
}

const cannotOpen = (file: string, cause: NodeJS.ErrnoException): MoepressError =>
  new MoepressError('CHECKPOINT_NOT_FOUND', {
    message: `The file cannot be opened (${cause.code}).`,
    where: file,
    cause,
  });

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
