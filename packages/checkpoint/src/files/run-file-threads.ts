import { type ResourceLimits, Worker } from 'node:worker_threads';
import { MoepressError } from '@moepress/core';
import { type FileThreadReply, turns } from './file-thread.js';

export interface FileThreads<Start> {
  /** What each thread runs, by `answerWith`. */
  readonly script: URL;
  readonly threads: number;
  /** What each thread is given; `shared` has the places of `turns`. */
  readonly startOf: (shared: SharedArrayBuffer) => Start;
  readonly resourceLimits?: ResourceLimits | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes that have just been written. */
  readonly wrote: (bytes: number) => void;
}

/**
 * Runs threads that write one file together. When this ends, well or not, all of them have ended; when `signal` fires they end
 * early. Throws what they throw.
 */
export async function runFileThreads<Start>(work: FileThreads<Start>): Promise<void> {
  const { threads, startOf, signal } = work;
  const shared = new SharedArrayBuffer(turns.count * Int32Array.BYTES_PER_ELEMENT);
  const stop = () => {
    Atomics.store(new Int32Array(shared), turns.stop, 1);
  };
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  try {
    const workerData = startOf(shared);
    const running = Array.from({ length: threads }, () => runThread(work, workerData, stop));
    for (const end of await Promise.allSettled(running)) if (end.status === 'rejected') throw end.reason;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function runThread<Start>(
  { script, resourceLimits, wrote }: FileThreads<Start>,
  workerData: Start,
  stop: () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { workerData, ...(resourceLimits && { resourceLimits }) });
    const failures: unknown[] = [];
    const fail = (cause: unknown) => {
      // What one leaves undone the others need not go on with.
      stop();
      failures.push(cause);
    };
    worker.on('message', (reply: FileThreadReply) => {
      if (!('written' in reply)) return fail(errorOf(reply));
      try {
        wrote(reply.written);
      } catch (cause) {
        fail(cause);
      }
    });
    worker.on('error', fail);
    worker.on('exit', () => (failures.length === 0 ? resolve() : reject(failures[0])));
  });
}

function errorOf(reply: Exclude<FileThreadReply, { written: number }>): Error {
  if ('failure' in reply) {
    const { message, code } = reply.failure;
    return Object.assign(new Error(message), { code });
  }
  const { code, message, where, hint } = reply.own;
  return new MoepressError(code, { message, where: where ?? undefined, hint });
}
