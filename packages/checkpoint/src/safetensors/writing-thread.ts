import { workerData } from 'node:worker_threads';
import { answerWith, turns } from '../files/file-thread.js';
import { BlockingFiles } from '../files/open-files.js';
import { Reading } from '../tensor/reading.js';
import { BlockWriter } from './block-writer.js';
import { type Job, jobsOf } from './jobs.js';
import type { WritingStart } from './writing-protocol.js';

/**
 * A thread that reads, computes and writes its share of a file's blocks, and waits for nothing but the disk: what it
 * awaits is there already.
 */

const { ways, stretches, blockBytes, shareBytes, transposedBytes, shared }: WritingStart = workerData;
const state = new Int32Array(shared);
const reading = new Reading(blockBytes, new BlockingFiles(), transposedBytes);
const writer = new BlockWriter(ways, blockBytes);

/** Bytes written between two messages about them. */
const toldBytes = 8 * 1024 * 1024;

/** The jobs of the shares that this thread is the first to take. */
function* ownJobs(): Generator<Job> {
  let own = -1;
  for (const job of jobsOf(stretches, blockBytes)) {
    const share = Math.floor(job.position / shareBytes);
    while (own < share) own = Atomics.add(state, turns.next, 1);
    if (own === share) yield job;
  }
}

async function work(wrote: (bytes: number) => void): Promise<void> {
  let untold = 0;
  for (const { pieces, bytes, position } of ownJobs()) {
    if (Atomics.load(state, turns.stop) !== 0) break;
    const block = writer.block(position, bytes);
    await reading.fill(pieces, block);
    writer.write(block, position);
    untold += bytes;
    if (untold < toldBytes) continue;
    wrote(untold);
    untold = 0;
  }
  wrote(untold);
}

await answerWith(work);
await reading.close();
