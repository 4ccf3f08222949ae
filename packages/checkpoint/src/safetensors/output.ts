import type { FileHandle } from 'node:fs/promises';

/** Bytes written between two flushes on the way: fewer wait for the file system's journal more than they save. */
const defaultFlushBytes = 256 * 1024 * 1024;

/** A file whose data are flushed while more are being written, so that little is left to flush in the end. */
export class OutputFile {
  readonly #file: FileHandle;
  readonly #flushBytes: number;
  #unflushed = 0;
  #isFlushing = false;
  #flushed: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, flushBytes: number = defaultFlushBytes) {
    this.#file = file;
    this.#flushBytes = flushBytes;
  }

  /** Done when all of `bytes` are written. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < bytes.byteLength) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.byteLength - done, position + done);
      done += bytesWritten;
    }
    this.wrote(bytes.byteLength);
  }

  /** So many bytes have been written. */
  wrote(bytes: number): void {
    this.#unflushed += bytes;
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

  /** Waits until no flush is under way any more. Throws if one failed. */
  async settle(): Promise<void> {
    await this.#flushed;
  }
}
