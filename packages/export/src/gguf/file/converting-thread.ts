import { workerData } from 'node:worker_threads';
import { answerWith, BlockingFiles, Reading, turns, writeAll } from '@moepress/checkpoint';
import { convertStretch } from './convert.js';
import type { ConvertingStart } from './converting-protocol.js';
import { type Stretch, stretchesOf } from './stretches.js';

/**
 * A thread that reads, converts and writes the stretches of a file that it is the first to take, and waits for nothing but
 * the disk.
 */

const { descriptor, tensors, shared }: ConvertingStart = workerData;
const state = new Int32Array(shared);
const blockBytes = 1024 * 1024;

function* ownStretches(): Generator<Stretch> {
  let own = Atomics.add(state, turns.next, 1);
  let index = 0;
  for (const stretch of stretchesOf(tensors)) {
    if (index === own) {
      yield stretch;
      own = Atomics.add(state, turns.next, 1);
    }
    index++;
  }
}

const reading = new Reading(blockBytes, new BlockingFiles());
await answerWith(async (wrote) => {
  for (const stretch of ownStretches()) {
    if (Atomics.load(state, turns.stop) !== 0) break;
    const bytes = await convertStretch(stretch, reading);
    writeAll(descriptor, bytes, stretch.position);
    wrote(bytes.length);
  }
});
await reading.close();
