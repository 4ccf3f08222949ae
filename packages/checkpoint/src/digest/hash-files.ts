import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { throwIfAborted, type Work } from '@moepress/core';
import { type HashReply, hashFile } from './hash-file.js';

/** A file to be hashed. */
export interface FileToHash {
  readonly path: string;
  /** Bytes, for the progress. */
  readonly size: number;
}

/** Starting a thread takes as long as hashing this many bytes. */
const worthThread = 32 * 1024 * 1024;

/** Disks give little more to more readers. */
const maxThreads = 4;

/** The built file also when this module runs from source: worker threads cannot load TypeScript. */
const thread = new URL('./hash-thread.js', import.meta.url);

/**
 * SHA-256 of files, in hexadecimal and in their order: as fast as the disk gives them, several at once in threads of
 * their own, in a few megabytes of memory each. Throws `ABORTED` and what reading throws.
 */
export async function hashFiles(files: readonly FileToHash[], { progress, signal }: Work): Promise<string[]> {
  const task = 'Hashing weights';
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const done = files.map(() => 0);
  progress?.({ type: 'start', task, total, unit: 'bytes' });
  const failed = new AbortController();
  const stop = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const hashOne = ({ path, size }: FileToHash, i: number): Promise<string> => {
    const onBytes = (bytes: number) => {
      done[i] = bytes;
      progress?.({ type: 'advance', task, done: done.reduce((sum, one) => sum + one, 0) });
    };
    return size < worthThread
      ? hashFile(path, { signal: stop, onBytes })
      : hashInThread(path, { signal: stop, onBytes });
  };
  const digests: string[] = [];
  const queue = files.entries();
  const takeTurns = async () => {
    for (const [i, file] of queue) digests[i] = await hashOne(file, i);
  };
  const threads = Math.min(files.length, availableParallelism(), maxThreads);
  const turns = Array.from({ length: threads }, () =>
    takeTurns().catch((cause) => {
      failed.abort(cause);
      throw cause;
    }),
  );
  // All have ended before this does, so that no thread outlives a failure.
  const [failure] = (await Promise.allSettled(turns)).flatMap((turn) =>
    turn.status === 'rejected' ? [turn.reason] : [],
  );
  throwIfAborted(signal);
  if (failure !== undefined) throw failure;
  progress?.({ type: 'end', task });
  return digests;
}

function hashInThread(
  path: string,
  { signal, onBytes }: { signal: AbortSignal; onBytes(done: number): void },
): Promise<string> {
  signal.throwIfAborted();
  const worker = new Worker(thread, { workerData: { path } });
  return new Promise<string>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    worker.on('message', (reply: HashReply) => {
      if ('done' in reply) onBytes(reply.done);
      else resolve(reply.sha256);
    });
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`The thread ended with ${code}.`)));
  }).finally(() => worker.terminate());
}
