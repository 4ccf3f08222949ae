import { Worker } from 'node:worker_threads';
import { MoepressError } from '@moepress/core';
import { type ConvertingReply, type ConvertingStart, places } from './converting-protocol.js';
import type { PlacedTensor } from './file-plan.js';

/** The built file also when this module runs from source: worker threads cannot load TypeScript. */
const script = new URL('./converting-thread.js', import.meta.url);

/** One reads or converts while the other writes, and quantisers keep both busy. */
const threads = 2;

export interface ThreadedConversion {
  /** Of the file that is written. */
  readonly descriptor: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes that have just been written. */
  readonly wrote: (bytes: number) => void;
}

/**
 * Converts and writes tensors that come from expressions, in threads. When this ends, well or not, all of them have ended; when
 * `signal` fires they end early. Throws what converting and writing throw.
 */
export async function convertInThreads(
  tensors: readonly PlacedTensor[],
  { descriptor, signal, wrote }: ThreadedConversion,
): Promise<void> {
  const shared = new SharedArrayBuffer(places.count * Int32Array.BYTES_PER_ELEMENT);
  const stop = () => Atomics.store(new Int32Array(shared), places.stop, 1);
  const start: ConvertingStart = { descriptor, tensors, shared };
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  try {
    const each = Array.from({ length: threads }, () => runThread(start, { wrote, stop }));
    for (const end of await Promise.allSettled(each)) if (end.status === 'rejected') throw end.reason;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function runThread(
  workerData: ConvertingStart,
  { wrote, stop }: { readonly wrote: (bytes: number) => void; readonly stop: () => void },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { workerData });
    const failures: unknown[] = [];
    const fail = (cause: unknown) => {
      // What one leaves undone the others need not go on with.
      stop();
      failures.push(cause);
    };
    worker.on('message', (reply: ConvertingReply) => {
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

function errorOf(reply: Exclude<ConvertingReply, { written: number }>): Error {
  if ('failure' in reply) {
    const { message, code } = reply.failure;
    return Object.assign(new Error(message), { code });
  }
  const { code, message, where, hint } = reply.own;
  return new MoepressError(code, { message, where: where ?? undefined, hint });
}
