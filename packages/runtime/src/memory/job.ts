import { MoepressError } from '@moepress/core';

/** Bytes of anonymous memory that a job takes, in runs of some size. */
export interface Demand {
  /** Bytes in each worker: its sessions, its largest run, and the outputs of that run. */
  readonly worker: number;
  /** Bytes in each worker for which there is nothing to do; as many as in the others by default. */
  readonly idle?: number;
  /** The most workers that have something to do; all of them by default. */
  readonly busy?: number;
  /** Whatever the workers: layouts, sums. */
  readonly held: number;
  /** Bytes that are kept from run to run where all of it is in memory. */
  readonly carried: number;
  /** Bytes in each worker for kept tensors where these are in files. */
  readonly spilled: number;
}

/** The factor on kept tensors for garbage that is not yet collected. */
export const garbage = 1.1;

/** How a job is run so that the process stays within its memory. */
export interface JobPlan {
  readonly workers: number;
  /** Size of a run: packed tokens, or another unit of the job. */
  readonly size: number;
  /** Bytes for tensors that are kept from run to run. */
  readonly carried: number;
  /** Bytes that the process takes besides. */
  readonly fixed: number;
  /** Bytes that it takes at most. */
  readonly predicted: number;
}

export interface JobBounds {
  /** The name of the job in the message that refuses it. */
  readonly where: string;
  /** Bytes of anonymous memory that the process may take. */
  readonly memory: number;
  /** Bytes that it takes without the job. */
  readonly before: number;
  /** The most workers. */
  readonly workers: number;
  readonly fewestWorkers: number;
  /** That a run may have, the largest first. */
  readonly sizes: readonly number[];
}

/**
 * Chooses how a job is run within `memory`: with what is carried in files, then smaller runs, then fewer workers. Throws
 * `MEMORY_EXCEEDED`, with what it takes at least, if nothing fits.
 */
export function planJob(
  { where, memory, before, workers: most, fewestWorkers, sizes }: JobBounds,
  demandOf: (size: number) => Demand,
): JobPlan {
  const demands = new Map<number, Demand>();
  const demandIn = (size: number): Demand => {
    const demand = demands.get(size) ?? demandOf(size);
    demands.set(size, demand);
    return demand;
  };
  let least = Number.POSITIVE_INFINITY;
  for (let workers = most; workers >= fewestWorkers; workers--) {
    for (const size of sizes) {
      const { worker, idle = worker, busy = workers, held, carried, spilled } = demandIn(size);
      const working = Math.min(workers, busy);
      const fixed = before + held + working * worker + (workers - working) * idle;
      const room = memory - fixed;
      const taken = garbage * (garbage * carried <= room ? carried : Math.min(carried, workers * spilled));
      if (taken <= room) return { workers, size, carried: room / garbage, fixed, predicted: fixed + taken };
      least = Math.min(least, fixed + taken);
    }
  }
  throw memoryExceeded(where, least, memory);
}

/** The error that refuses what takes `needed` bytes at least. */
export function memoryExceeded(where: string, needed: number, memory: number): MoepressError {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  return new MoepressError('MEMORY_EXCEEDED', {
    message: `This takes ${gigabytes(needed)} of memory at least, and ${gigabytes(memory)} may be used.`,
    where,
  });
}
