import { MoepressError, type Progress } from '@moepress/core';
import { type Demand, type JobPlan, planJob } from '../memory/job.js';
import type { Engine } from './engine.js';

/** Something that an engine is to do. */
export interface Job {
  /** The name of the job in the message that refuses it. */
  readonly where: string;
  /** That runs may have, the largest first. */
  readonly sizes: readonly number[];
  /** Whether the size is in packed tokens. */
  readonly inTokens: boolean;
  /** The size that an interrupted run had, with which this one continues if it still fits. */
  readonly resumed?: number | undefined;
  demandOf(size: number): Demand;
}

/** How jobs are run one after the other within the engine's memory; null where a device computes. */
export function planJobs(engine: Engine, jobs: readonly Job[]): (JobPlan | null)[] {
  const { bounds } = engine;
  if (!bounds) return jobs.map(() => null);
  return jobs.map(({ where, sizes, resumed, demandOf }) => {
    const own = { ...bounds, where };
    const again = resumed !== undefined && fitting(() => planJob({ ...own, sizes: [resumed] }, demandOf));
    return again || planJob({ ...own, sizes }, demandOf);
  });
}

/** The result of `plan`; null if it does not fit. */
export function fitting<P>(plan: () => P): P | null {
  try {
    return plan();
  } catch (error) {
    if (MoepressError.isInstance(error) && error.code === 'MEMORY_EXCEEDED') return null;
    throw error;
  }
}

/** Gets the engine ready for a job and tells what it will take. Nothing may be open or held, unless within `Engine.beside`. */
export async function begin(
  engine: Engine,
  { inTokens }: Job,
  plan: JobPlan | null,
  progress: Progress | undefined,
): Promise<void> {
  if (!plan) return;
  const { workers, size, carried, fixed, predicted } = plan;
  await engine.arrange({ workers, carried, fixed, ...(inTokens && { tokens: size }) });
  progress?.({ type: 'memory', predicted: Math.round(predicted) });
}

/** Plans a job and gets the engine ready for it. Throws `MEMORY_EXCEEDED` if it does not fit. */
export async function arrangeFor(
  engine: Engine,
  job: Job,
  progress: Progress | undefined,
): Promise<JobPlan | null> {
  const [plan] = planJobs(engine, [job]);
  await begin(engine, job, plan!, progress);
  return plan!;
}
