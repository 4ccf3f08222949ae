import { setTimeout } from 'node:timers/promises';
import { MoepressError, throwIfAborted, type Work } from '@moepress/core';
import { type ConnectionOptions, type Job, Queue, WaitingError, Worker } from 'bullmq';
import { connect } from './connect.js';
import { decodeFailure, encodeFailure } from './failure.js';
import { SharedResults } from './results.js';

export interface SharedJobs extends Work {
  /** Address of a Redis or Valkey server: `redis://host:port`. */
  readonly url: string;
  /** Machines that give the same name share their jobs and results. Letters, digits and hyphens. */
  readonly name: string;
  /** Each by what it computes, such as a hash; letters and digits, not digits alone. */
  readonly jobs: readonly string[];
  /** Jobs run here at once; 1 by default. */
  readonly concurrency?: number;
  /** Milliseconds after which a machine that gives no sign is taken for dead; 60 000 by default. */
  readonly stalledAfter?: number;
  /** The result of a job that was done here earlier; null if it was not. */
  known?(job: string): Promise<Uint8Array | null>;
  /** Computes a result. Another machine takes the job over when `signal` fires. */
  run(job: string, signal: AbortSignal): Promise<Uint8Array>;
  /** Told of each result once, wherever it was computed. */
  onResult(job: string, result: Buffer): Promise<void>;
}

/** A job that failed is tried again after a second; of one that is done the result is kept, elsewhere. */
const jobOptions = { attempts: 3, backoff: { type: 'fixed', delay: 1000 }, removeOnComplete: true };
/** Milliseconds between two looks for results. */
const lookInterval = 500;
/** Machines that one job may take down before it is given up. */
const mostStalls = 3;

/**
 * Has each job done once by one of the machines that call this, and gives all results to all of them. Returns when
 * every result is there. Throws what `run` threw three times, here or elsewhere, `SERVER_UNREACHABLE` if the server
 * is not there to begin with, and `ABORTED`; jobs that ran here then wait for other machines.
 */
export async function shareJobs(shared: SharedJobs): Promise<void> {
  const { url, name, jobs, signal, progress } = shared;
  throwIfAborted(signal);
  const redis = await connect(url);
  const stop = new AbortController();
  const ended = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const results = new SharedResults(redis, name);
  const options = { connection: redis as unknown as ConnectionOptions, prefix: 'moepress' };
  const queue = new Queue<null, null>(name, options);
  const worker = new Worker<null, null>(name, processor(shared, results, ended), {
    ...options,
    autorun: false,
    concurrency: shared.concurrency ?? 1,
    ...stallOptions(shared.stalledAfter ?? 60_000),
  });
  const warn = ({ message }: Error) => {
    if (!ended.aborted) progress?.({ type: 'warning', message: `The queue: ${message}` });
  };
  worker.on('error', warn);
  // The connection is the same one.
  queue.on('error', () => {});
  const participate = async () => {
    await publishKnown(shared, results);
    await enqueue(queue, jobs, results);
    void worker.run().catch(warn);
    await collect(shared, queue, results);
  };
  try {
    // Commands to a server that is away wait for it; the user need not.
    await Promise.race([participate(), whenAborted(signal)]);
  } finally {
    stop.abort();
    const isAway = redis.status !== 'ready';
    if (isAway) redis.disconnect();
    await worker.close(isAway);
    await queue.close();
    redis.disconnect();
  }
}

/** Rejects with `ABORTED` once the signal fires. */
function whenAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const aborted = () => reject(new MoepressError('ABORTED', { message: 'Stopped before all was done.' }));
    signal?.addEventListener('abort', aborted, { once: true });
  });
}

const stallOptions = (stalledAfter: number) => ({
  lockDuration: stalledAfter,
  stalledInterval: stalledAfter / 2,
  maxStalledCount: mostStalls,
});

/** Runs a job of the queue; one that another machine has done meanwhile is done. */
function processor({ run }: SharedJobs, results: SharedResults, ended: AbortSignal) {
  return async (job: Job<null, null>, token?: string): Promise<null> => {
    const id = job.id!;
    try {
      if (!(await results.has(id))) await results.write(id, await run(id, ended));
      return null;
    } catch (error) {
      if (!ended.aborted) throw encodeFailure(error);
      await job.moveToWait(token);
      throw new WaitingError();
    }
  };
}

async function publishKnown({ jobs, known }: SharedJobs, results: SharedResults): Promise<void> {
  for (const job of jobs) {
    if (await results.has(job)) continue;
    const result = await known?.(job);
    if (result) await results.write(job, result);
  }
}

/** Puts in what is not done and not there. What failed in an earlier run gets another chance. */
async function enqueue(
  queue: Queue<null, null>,
  jobs: readonly string[],
  results: SharedResults,
): Promise<void> {
  for (const jobId of jobs) {
    if (await results.has(jobId)) continue;
    const state = await queue.getJobState(jobId);
    if (state === 'failed') await queue.remove(jobId);
    await queue.add('job', null, { jobId, ...jobOptions });
  }
}

/** Hands out results as they come, and puts in again what a server that forgot everything has lost. */
async function collect(
  { jobs, onResult, signal }: SharedJobs,
  queue: Queue<null, null>,
  results: SharedResults,
): Promise<void> {
  const open = new Set(jobs);
  for (;;) {
    for (const [job, result] of await results.read([...open])) {
      open.delete(job);
      await onResult(job, result);
    }
    if (open.size === 0) return;
    const lost: string[] = [];
    for (const job of open) {
      throwIfAborted(signal);
      const state = await queue.getJobState(job);
      if (state === 'failed') throw decodeFailure(job, (await queue.getJob(job))?.failedReason ?? '');
      if (state === 'unknown') lost.push(job);
    }
    await enqueue(queue, lost, results);
    await setTimeout(lookInterval, undefined, { signal }).catch(() => throwIfAborted(signal));
  }
}
