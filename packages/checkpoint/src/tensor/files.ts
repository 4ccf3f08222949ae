import { type FileHandle, open } from 'node:fs/promises';
import { MoepressError, type StoredTensor } from '@moepress/core';
import { readExactly } from '../safetensors/read.js';

/** The checkpoint files one piece of work reads, each opened once. Close it when done. */
export class OpenFiles {
  readonly #handles = new Map<string, Promise<FileHandle>>();

  /**
   * `length` bytes of a stored tensor, from byte `begin` of the tensor, in memory of their own.
   * Throws `CHECKPOINT_INVALID` if the file has shrunk, `CHECKPOINT_NOT_FOUND` if it is gone.
   */
  async read(tensor: StoredTensor, begin: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const handle = await this.#open(tensor.file);
    return readExactly(handle, tensor.offset + begin, length, `${tensor.file}: ${tensor.name}`);
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
