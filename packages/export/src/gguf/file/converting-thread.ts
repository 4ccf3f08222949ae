import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { BlockingFiles, Reading } from '@moepress/checkpoint';
import { MoepressError } from '@moepress/core';
import { convertStretch } from './convert.js';
import { type ConvertingReply, type ConvertingStart, places } from './converting-protocol.js';
import { type Stretch, stretchesOf } from './stretches.js';

/**
 * A thread that reads, converts and writes the stretches of a file that it is the first to take, and waits for nothing but
 * the disk.
 */

const { descriptor, tensors, shared }: ConvertingStart = workerData;
const state = new Int32Array(shared);
const tell = (reply: ConvertingReply) => parentPort!.postMessage(reply);
const blockBytes = 1024 * 1024;

function* ownStretches(): Generator<Stretch> {
  let own = Atomics.add(state, places.next, 1);
  let index = 0;
  for (const stretch of stretchesOf(tensors)) {
    if (index === own) {
      yield stretch;
      own = Atomics.add(state, places.next, 1);
    }
    index++;
  }
}

function writeAll(bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.byteLength) {
    done += writeSync(descriptor, bytes, done, bytes.byteLength - done, position + done);
  }
}

const reading = new Reading(blockBytes, new BlockingFiles());
try {
  for (const stretch of ownStretches()) {
    if (Atomics.load(state, places.stop) !== 0) break;
    const bytes = await convertStretch(stretch, reading);
    writeAll(bytes, stretch.position);
    tell({ written: bytes.length });
  }
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  tell(
    MoepressError.isInstance(error)
      ? { own: error.toJSON() }
      : { failure: { message: String(message), code } },
  );
} finally {
  await reading.close();
}
