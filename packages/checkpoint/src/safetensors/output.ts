import type { FileHandle } from 'node:fs/promises';

/** Bytes written between two flushes on the way. */
const defaultFlushBytes = 256 * 1024 * 1024;

/**
 * A file that several write to, each at its own position; one at a time, for systems lock the file meanwhile and
 * some let those who wait do so in vain. What has been written is flushed while the rest is, so that
 * little is left to flush in the end.
 */
export class OutputFile {
  readonly #file: FileHandle;
  readonly #flushBytes: number;
  #last: Promise<void> = Promise.resolve();
  #unflushed = 0;
  #isFlushing = false;
  #flushed: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, flushBytes: number = defaultFlushBytes) {
    this.#file = file;
    this.#flushBytes = flushBytes;
  }

  /** Done when all of `bytes` are written. */
  write(bytes: Uint8Array, position: number): Promise<void> {
    // After one that failed the next may try: its own failure, if any, is its own.
    const writing = this.#last.then(() => this.#writeAll(bytes, position));
    this.#last = writing.catch(() => {});
    return writing;
  }

  async #writeAll(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < bytes.byteLength) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.byteLength - done, position + done);
      done += bytesWritten;
    }
    this.#unflushed += bytes.byteLength;
    if (this.#unflushed >= this.#flushBytes && !this.#isFlushing) this.#flush();
  }

  #flush(): void {
    this.#unflushed = 0;
    this.#isFlushing = true;
    // One that failed stays failed: systems tell of it once.
    this.#flushed = this.#flushed.then(() => this.#file.datasync());
    const end = () => {
      this.#isFlushing = false;
    };
    this.#flushed.then(end, end);
  }

  /** Waits until nothing is under way any more. Throws if a flush on the way failed. */
  async settle(): Promise<void> {
    await this.#last;
    await this.#flushed;
  }
}
