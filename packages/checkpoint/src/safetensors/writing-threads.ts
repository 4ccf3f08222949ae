import { Worker } from 'node:worker_threads';
import { MoepressError } from '@moepress/core';
import { mostTransposedBytes } from '../tensor/transpose.js';
import type { Ways } from './block-writer.js';
import type { Stretch } from './jobs.js';
import { turns, type WritingReply, type WritingStart } from './writing-protocol.js';

/** The built file also when this module runs from source: worker threads cannot load TypeScript. */
const script = new URL('./writing-thread.js', import.meta.url);

/** What a thread makes is garbage soon: it collects that early rather than take memory for it. */
const maxYoungGenerationSizeMb = 8;

export interface ThreadedWork {
  /** Into the file that is written. */
  readonly ways: Ways;
  readonly threads: number;
  readonly blockBytes: number;
  /** Bytes of the file that a thread takes at a time. */
  readonly shareBytes: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes that have just been written. */
  readonly wrote: (bytes: number) => void;
}

/**
 * Writes stretches of a file in threads. When this ends, well or not, all of them have ended. When `signal` fires they
 * end early. Throws what reading and writing throw.
 */
export async function writeInThreads(
  stretches: readonly Stretch[],
  { ways, threads, blockBytes, shareBytes, signal, wrote }: ThreadedWork,
): Promise<void> {
  const shared = new SharedArrayBuffer(turns.count * Int32Array.BYTES_PER_ELEMENT);
  const state = new Int32Array(shared);
  const stop = () => Atomics.store(state, turns.stop, 1);
  const transposedBytes = Math.floor(mostTransposedBytes / threads);
  const start: WritingStart = { ways, stretches, blockBytes, shareBytes, transposedBytes, shared };
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const ends = await Promise.allSettled(Array.from({ length: threads }, () => runThread(start, wrote)));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function runThread(workerData: WritingStart, wrote: (bytes: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { workerData, resourceLimits: { maxYoungGenerationSizeMb } });
    const failures: unknown[] = [];
    const fail = (cause: unknown) => {
      // What one leaves undone the others need not go on with.
      Atomics.store(new Int32Array(workerData.shared), turns.stop, 1);
      failures.push(cause);
    };
    worker.on('message', (reply: WritingReply) => {
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

function errorOf(reply: Exclude<WritingReply, { written: number }>): Error {
  if ('failure' in reply) {
    const { message, code } = reply.failure;
    return Object.assign(new Error(message), { code });
  }
  const { code, message, where, hint } = reply.own;
  return new MoepressError(code, { message, where: where ?? undefined, hint });
}
