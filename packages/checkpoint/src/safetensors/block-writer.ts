import { constants } from 'node:fs';
import { type FileHandle, open, statfs } from 'node:fs/promises';
import { writeAll } from '../files/file-thread.js';
import type { Bytes } from '../tensor/buffers.js';
import { webAssembly } from '../web-assembly/index.js';

/** What positions, lengths and addresses must be multiples of where the system's cache is left out. */
export const pageBytes = 4096;

/** WebAssembly's memories come in pages of their own size, and begin at an address that all systems call aligned. */
const wasmPageBytes = 65_536;

/** Bytes of the largest number that a tensor holds. */
const largestNumberBytes = 8;

/** Types of file systems, as `statfs` has them, that are known to write as fast or faster past the cache: ext4 and XFS. */
const directSystems: readonly number[] = [0xef53, 0x58465342];

/** The two ways into one file: through the system's cache, and past it where that is possible. */
export interface Ways {
  readonly descriptor: number;
  readonly direct: number | null;
}

/**
 * Opens a file once more, to be written past the system's cache: what is flushed anyway is then copied once less, and
 * takes no place from what others have there. Null where the system or the file system does not do that.
 */
export async function openDirect({ fd }: FileHandle): Promise<FileHandle | null> {
  // Systems other than Linux have no such flag, and no such path.
  if (constants.O_DIRECT === undefined) return null;
  const path = `/proc/self/fd/${fd}`;
  try {
    if (!directSystems.includes((await statfs(path)).type)) return null;
    return await open(path, constants.O_WRONLY | constants.O_DIRECT);
  } catch {
    return null;
  }
}

/** Writes the blocks of a file, one after the other, from one memory that is used again for each of them. */
export class BlockWriter {
  readonly #memory: ArrayBuffer;
  readonly #descriptor: number;
  #direct: number | null;

  /** `blockBytes`: of the longest block. */
  constructor({ descriptor, direct }: Ways, blockBytes: number) {
    const initial = Math.ceil((blockBytes + pageBytes) / wasmPageBytes);
    this.#memory = new webAssembly.Memory({ initial }).buffer;
    this.#descriptor = descriptor;
    this.#direct = direct;
  }

  /** Memory for the block that goes to `position`; its bytes are those of the block before. */
  block(position: number, bytes: number): Bytes {
    const offset = position % pageBytes;
    // Numbers of any type can be put where the file has them at multiples of their size; elsewhere they come first.
    return new Uint8Array(this.#memory, offset % largestNumberBytes === 0 ? offset : 0, bytes);
  }

  /** Writes what `block` gave. Whole pages go past the cache, what is left at both ends goes through it. */
  write(block: Bytes, position: number): void {
    const from = Math.ceil(position / pageBytes) * pageBytes;
    const to = Math.floor((position + block.byteLength) / pageBytes) * pageBytes;
    const isAligned = block.byteOffset === position % pageBytes;
    if (
      !isAligned ||
      from >= to ||
      !this.#writeDirect(block.subarray(from - position, to - position), from)
    ) {
      writeAll(this.#descriptor, block, position);
      return;
    }
    writeAll(this.#descriptor, block.subarray(0, from - position), position);
    writeAll(this.#descriptor, block.subarray(to - position), to);
  }

  /** Whether it is written: a device whose pages are larger refuses, and is not asked again. */
  #writeDirect(pages: Bytes, position: number): boolean {
    if (this.#direct === null) return false;
    try {
      writeAll(this.#direct, pages, position);
      return true;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EINVAL') throw cause;
      this.#direct = null;
      return false;
    }
  }
}
