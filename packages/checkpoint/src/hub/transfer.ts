import { createHash } from 'node:crypto';
import { constants, type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { hashFile } from '../digest/hash-file.js';
import { makeFolders } from '../files/folders.js';
import { unwritable } from './cache.js';
import { isTransient, unreachable } from './hub-errors.js';

/** A file to be fetched. */
export interface Transfer {
  /** Name of the file in messages. */
  readonly where: string;
  /** Where the complete file goes; until then it grows beside it as `.incomplete`, as in Python. */
  readonly path: string;
  readonly size: number;
  /**
   * The SHA-256, which the Hub reports for large files only; other files start again when interrupted, since nothing
   * could verify them.
   */
  readonly sha256: string | null;
  /** The bytes from a position on. */
  open(position: number): Promise<AsyncIterable<Uint8Array>>;
}

/** Called with the number of bytes that have arrived or were found; negative when they must be downloaded again. */
type Count = (bytes: number) => void;

/** Waits for so many milliseconds. */
type Pause = (
  milliseconds: number,
  value: undefined,
  options: { readonly signal?: AbortSignal },
) => Promise<void>;

/** Requests for one file that may fail in a row without getting further, and in all, whatever came in between. */
const most = { inARow: 4, inAll: 20 };

/** Milliseconds to wait after the first failure, twice as long after each, and at most. */
const waits = { first: 200, longest: 20_000 };

/**
 * Fetches a file, going on where an earlier attempt of this or another process left off. A broken
 * connection is tried again. A file whose SHA-256 the Hub tells is checked against it before it gets its name, in however
 * many pieces it came; all are checked against their size.
 * Throws `HUB_UNREACHABLE` if the bytes are not those announced, `DISK_FULL`, `WRITE_FAILED`, and
 * what `open` throws.
 */
export async function fetchFile(
  transfer: Transfer,
  count: Count,
  signal: AbortSignal | undefined,
  pause: Pause = setTimeout,
): Promise<void> {
  const { path, size, sha256, where } = transfer;
  const partial = `${path}.incomplete`;
  const file = await openPartial(partial);
  let hash: string | null;
  try {
    const start = sha256 === null ? 0 : Math.min((await file.stat()).size, size);
    count(start);
    hash = await receive(transfer, { file, start, count, signal, pause });
    await file.truncate(size);
    await file.sync();
  } finally {
    await file.close();
  }
  if (sha256 !== null && (hash ?? (await hashFile(partial, { signal }))) !== sha256) {
    await rm(partial, { force: true });
    throw unreachable('The file arrived damaged and was removed', where);
  }
  await rename(partial, path);
}

/** Writes at explicit positions, so that two processes fetching one file do each other no harm. */
async function openPartial(path: string): Promise<FileHandle> {
  try {
    await makeFolders(dirname(path));
    return await open(path, constants.O_RDWR | constants.O_CREAT);
  } catch (cause) {
    throw unwritable(cause, path);
  }
}

interface Reception {
  readonly file: FileHandle;
  /** Bytes that are there already. */
  readonly start: number;
  readonly count: Count;
  readonly signal: AbortSignal | undefined;
  readonly pause: Pause;
}

/** Receives the bytes from `start` on. Returns their SHA-256, or null where it has not seen them all in their order. */
async function receive(
  { size, sha256, path, open }: Transfer,
  { file, start, count, signal, pause }: Reception,
): Promise<string | null> {
  const hash = createHash('sha256');
  let done = start;
  let hashed = 0;
  for (let [inARow, inAll] = [0, 0]; done < size; ) {
    const before = done;
    try {
      for await (const chunk of await open(done)) {
        if (done + chunk.length > size) throw new Error(`more than ${size} bytes came`);
        await writeAt(file, chunk, done, path);
        if (hashed === done) {
          hash.update(chunk);
          hashed += chunk.length;
        }
        done += chunk.length;
        count(chunk.length);
      }
      if (done !== size) throw new Error(`${done} of ${size} bytes came`);
    } catch (cause) {
      // What begins anew gets no further, however much of it comes.
      inARow = sha256 !== null && done > before ? 1 : inARow + 1;
      inAll++;
      if (inARow === most.inARow || inAll === most.inAll || signal?.aborted || !isTransient(cause))
        throw cause;
      if (sha256 === null) {
        count(-done);
        done = 0;
      }
      const wait = Math.min(waits.longest, waits.first * 2 ** (inAll - 1));
      await pause(wait, undefined, signal ? { signal } : {});
    }
  }
  return hashed === size ? hash.digest('hex') : null;
}

async function writeAt(file: FileHandle, bytes: Uint8Array, position: number, path: string): Promise<void> {
  try {
    let done = 0;
    while (done < bytes.length) {
      done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
    }
  } catch (cause) {
    throw unwritable(cause, path);
  }
}
