import { availableParallelism } from 'node:os';
import { anonymousMemory } from '@moepress/checkpoint';
import { MoepressError, type Progress } from '@moepress/core';
import { type BatchLimits, defaultLimits, runTokensWithin } from '../devices/batch-limits.js';
import type { Device, DeviceOptions, Precision } from '../devices/device.js';
import { cacheShare, defaultGpuMemory, heldShare, limitsWithin } from '../devices/gpu-memory.js';
import { inHalfPrecision } from '../devices/half-precision.js';
import { inSinglePrecision } from '../devices/single-precision.js';
import { type DeviceTraits, traitsOf } from '../devices/traits.js';
import { WeightBudget } from '../devices/weight-budget.js';
import { carriedMemory, defaultMemory } from '../memory/available.js';
import { processGrowth, uncollected } from '../memory/constants.js';
import type { JobBounds, JobPlan } from '../memory/job.js';
import type { InWorker } from './handles.js';
import { closing, EngineScope, type GraphPreparation, settled } from './scope.js';
import { Turns } from './turns.js';
import { EngineWorker, sessionClosed } from './worker.js';

export interface EngineOptions extends Omit<DeviceOptions, 'device'> {
  /** Threads of all matrix products together; all cores by default. */
  readonly threads?: number;
  /**
   * Worker threads side by side, each with its own activations: 2 by default, 1 if there is one thread, or
   * on a device other than the processor.
   */
  readonly workers?: number;
  /** Packed tokens of a run on the processor, 2048 by default. */
  readonly tokens?: number;
  /**
   * Bytes of the machine's memory for what is held from run to run: hidden states between blocks, or keys and values of
   * sequences that are decoded side by side; a quarter of the machine's by default.
   */
  readonly carried?: number;
  /** Bytes that the process takes in addition; 0 if unknown. */
  readonly fixed?: number;
  /** Multiplications of a block from which on rows are handed to a worker without anything to do, 2^27 by default: see `splitRun`. */
  readonly leastProducts?: number;
  /** Bytes that the sessions for generation take. */
  readonly decoders?: number;
  /** Bytes that the sessions take which divide experts among the workers; 0 by default: they are not divided. */
  readonly divided?: number;
  /** Bytes of weights that workers hold to continue a few sequences; 0 by default: they do not. */
  readonly few?: number;
  /**
   * Bytes of anonymous memory that the process may take where the processor computes: half of what the machine has left
   * by default. See `arrange`. Where a device does, what `carried` says.
   */
  readonly memory?: number | undefined;
  /** `cpu` by default. Another must be one that starts, see `startDevice`. */
  readonly device?: Device;
  /** The queue of its calls; several engines share one to avoid computing at the same time. */
  readonly turns?: Turns | undefined;
}

/**
 * Handing rows to another worker and fetching them again takes a millisecond or two a block: measured, a core makes 40 million
 * multiplications in one.
 */
const worthHanding = 2 ** 27;

/** The limits of a job, and what the process takes without it: bytes of anonymous memory, and workers. */
export type EngineBounds = Omit<JobBounds, 'where' | 'sizes'>;

/** The lane of the main thread, to which results come that it reads itself. */
export const mainLane = -1;

/** Bytes that a call takes beside what is taken in any case. */
export interface Taken {
  /** In the largest runs of all workers at once. */
  readonly runs: number;
  /** Between the runs, until the call is done. */
  readonly held: number;
  /** Of what it has open and later calls find open, by names of its parts. */
  readonly stays?: ReadonlyMap<string, number>;
  /** Of the results in each lane, which wait to be collected until there is much of them. */
  readonly yielded: ReadonlyMap<number, number>;
}

/** How a job is to be run. */
export interface Arrangement extends Pick<JobPlan, 'workers' | 'carried' | 'fixed'> {
  /** Packed tokens of a run, as before by default. */
  readonly tokens?: number;
}

/**
 * ONNX Runtime in a few workers that map the same weights. Spreading batches over them keeps all
 * cores busy where an operator knows one thread only. It knows nothing of models: what is open and stored belongs to
 * scopes, which do not see one another, and calls that use it take turns.
 */
export class Engine {
  /** Properties of the graphs it can run. */
  readonly traits: DeviceTraits;
  /** Bytes for the keys and values of sequences that are decoded side by side. */
  readonly cacheBytes: number;
  /** Bytes of anonymous memory that the process may take; infinite where a device computes. */
  readonly memory: number;
  /** The precision of its products with weights. */
  readonly precision: Precision;
  /** Multiplications of a block from which on a run is split. */
  readonly leastProducts: number;
  readonly #preparation: GraphPreparation;
  readonly #turns: Turns;
  readonly #scopes = new Set<EngineScope>();
  #isClosed = false;
  readonly #startWorkers: (count: number) => EngineWorker[];
  readonly #mostWorkers: number;
  readonly #mostTokens: number;
  #workers: readonly EngineWorker[];
  #limits: Omit<BatchLimits, 'heads'>;
  #carried: number;
  #fixed: number;
  /** Bytes that the sessions for generation take. */
  readonly decoderBytes: number;
  /** Bytes that the sessions take which divide experts among the workers; 0: they are not divided. */
  readonly dividedBytes: number;
  /** Bytes of weights that the workers may hold to continue a few sequences; 0: none. */
  readonly fewBytes: number;
  #before: number | undefined;
  /** Bytes of results that each lane has had so far. */
  readonly #yielded = new Map<number, number>();
  /** Bytes of what calls have left open, by its names. */
  readonly #stays = new Map<string, number>();
  /** Bytes that the runs of a call have taken at most so far. */
  #largestRuns = 0;
  /** The memory of the jobs within which other jobs may run. */
  readonly #running: number[] = [];

  constructor(options: EngineOptions = {}) {
    const { device = 'cpu', precision = 'float32', gpuMemory = defaultGpuMemory } = options;
    const { threads = availableParallelism() } = options;
    const { carried = (device === 'cpu' ? undefined : options.memory) ?? carriedMemory() } = options;
    const { tokens = defaultLimits.tokens } = options;
    this.traits = traitsOf[device];
    this.#turns = options.turns ?? new Turns();
    this.memory = device === 'cpu' ? (options.memory ?? defaultMemory()) : Number.POSITIVE_INFINITY;
    this.cacheBytes = this.traits.keepsOutputs ? gpuMemory * cacheShare : carried;
    this.precision = device === 'cpu' ? 'float32' : precision;
    this.#limits = device === 'cpu' ? { ...defaultLimits, tokens } : limitsWithin(gpuMemory);
    this.#mostTokens = this.#limits.tokens;
    this.leastProducts = options.leastProducts ?? worthHanding;
    this.#carried = carried;
    this.#fixed = options.fixed ?? 0;
    this.decoderBytes = options.decoders ?? 0;
    this.dividedBytes = options.divided ?? 0;
    this.fewBytes = options.few ?? 0;
    this.#preparation = preparationFor(this, device === 'cpu' ? null : new WeightBudget(gpuMemory));
    this.#mostWorkers = options.workers ?? Math.min(this.traits.workers, threads);
    this.#startWorkers = (count) => {
      const each = Math.max(1, Math.floor(threads / count));
      const deviceMemory = Math.floor((gpuMemory * heldShare) / count);
      return Array.from({ length: count }, () => new EngineWorker(each, { device, deviceMemory }));
    };
    this.#workers = this.#startWorkers(this.#mostWorkers);
  }

  get workers(): readonly EngineWorker[] {
    return this.#workers;
  }

  /** The limits of its batches. */
  get limits(): Omit<BatchLimits, 'heads'> {
    return this.#limits;
  }

  /** Bytes for hidden states between blocks. */
  get carriedBytes(): number {
    return this.#carried;
  }

  /** The memory that jobs are planned for; null where a device computes, whose memory is planned separately. */
  get bounds(): EngineBounds | null {
    if (this.memory === Number.POSITIVE_INFINITY) return null;
    const around = this.#running.at(-1);
    if (around !== undefined) {
      const workers = this.#workers.length;
      return { memory: this.memory, before: around, workers, fewestWorkers: workers };
    }
    // What an earlier job has left to the C library serves the next one.
    this.#before ??= anonymousMemory() + processGrowth;
    return { memory: this.memory, before: this.#before, workers: this.#mostWorkers, fewestWorkers: 1 };
  }

  /** Calls `use`, in which other jobs may come, beside one that takes so many bytes with all else. */
  async beside<R>(predicted: number, use: () => Promise<R>): Promise<R> {
    this.#running.push(predicted);
    try {
      return await use();
    } finally {
      this.#running.pop();
    }
  }

  /** Packed tokens that a run may have, the most first. */
  get runSizes(): readonly number[] {
    return runTokensWithin(this.#mostTokens);
  }

  /** Gets ready for a job, by what has been planned for it, until the turn ends in which it is called. */
  async arrange({ workers, tokens, carried, fixed }: Arrangement): Promise<void> {
    this.#limits = { ...this.#limits, ...(tokens !== undefined && { tokens }) };
    this.#carried = carried;
    this.#fixed = fixed;
    if (workers === this.#workers.length) return;
    if (this.#scopes.size > 0) {
      throw new MoepressError('ENGINE_FAILED', {
        message: 'The workers of an engine cannot change while anything is open in them.',
        where: 'engine',
      });
    }
    await this.#endWorkers();
    this.#workers = this.#startWorkers(workers);
  }

  /**
   * Calls `use` when all calls before this one are done, so that their batches do not stand in memory together. A call
   * that comes from within another one has its turn inside that one. Throws `ABORTED` if the signal is aborted before
   * its turn comes, `SESSION_CLOSED` once the engine has been closed.
   */
  async turn<R>(use: () => Promise<R>, signal?: AbortSignal): Promise<R> {
    if (this.#isClosed && !this.#turns.isInside) throw sessionClosed();
    return this.#turns.take(async () => {
      const before = [this.#limits, this.#carried, this.#fixed] as const;
      try {
        return await use();
      } finally {
        [this.#limits, this.#carried, this.#fixed] = before;
      }
    }, signal);
  }

  /** A namespace of its own in all workers. Whoever makes it closes it. */
  scope(): EngineScope {
    const scope = new EngineScope(this.#workers, this.#preparation, (closed) => this.#scopes.delete(closed));
    this.#scopes.add(scope);
    return scope;
  }

  /** Calls `use` with a scope that is closed afterwards. */
  async inScope<R>(use: (scope: EngineScope) => Promise<R>): Promise<R> {
    const scope = this.scope();
    return closing(
      () => use(scope),
      () => scope.close(),
    );
  }

  /** Reports the memory that the process is going to take at most. */
  reportMemory({ runs, held, stays, yielded }: Taken, progress: Progress | undefined): void {
    for (const [part, bytes] of stays ?? []) this.#stays.set(part, bytes);
    for (const [lane, bytes] of yielded) this.#yielded.set(lane, bytes + (this.#yielded.get(lane) ?? 0));
    // What larger runs of earlier calls have left to the C library, smaller ones do not give back.
    this.#largestRuns = Math.max(this.#largestRuns, runs);
    if (this.#fixed === 0) return;
    const waiting = [...this.#yielded.values()].reduce((sum, bytes) => sum + Math.min(uncollected, bytes), 0);
    const open = [...this.#stays.values()].reduce((sum, bytes) => sum + bytes, 0);
    const predicted = this.#fixed + this.#largestRuns + held + open + waiting;
    progress?.({ type: 'memory', predicted: Math.round(predicted) });
  }

  /** The worker that does the i-th piece of work. */
  workerFor(i: number): EngineWorker {
    return this.#workers[i % this.#workers.length]!;
  }

  /**
   * Calls `use` for every item: one after the other in each worker, the workers side by side. Results
   * are in the order of the items. After a failure nothing further is begun, and what has begun is
   * waited for, so that the caller may clean up.
   */
  async spread<T extends InWorker, R>(
    items: readonly T[],
    use: (item: T, index: number) => Promise<R>,
  ): Promise<R[]> {
    const results = new Array<R>(items.length);
    let failed = false;
    const lane = async (worker: EngineWorker) => {
      for (const [i, item] of items.entries()) {
        if (failed) return;
        if (item.worker === worker) results[i] = await use(item, i);
      }
    };
    const lanes = this.#workers.map((worker) =>
      lane(worker).catch((error) => {
        failed = true;
        throw error;
      }),
    );
    await settled(lanes);
    return results;
  }

  /** Closes the engine: waits for the calls that have been made, then ends the workers and frees all they have. */
  async dispose(): Promise<void> {
    this.#isClosed = true;
    // Called from within a call, it cannot wait for that.
    if (!this.#turns.isInside) await this.#turns.take(async () => {});
    await this.#endWorkers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  async #endWorkers(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.dispose()));
  }
}

function preparationFor(
  { traits, precision }: Pick<Engine, 'traits' | 'precision'>,
  weights: WeightBudget | null,
): GraphPreparation {
  return {
    prepare(graph) {
      const single = traits.doubles ? graph : inSinglePrecision(graph);
      return precision === 'float16' ? inHalfPrecision(single) : single;
    },
    opening: (session, graph) => weights?.take(session, graph),
    closed: (session) => weights?.giveBack(session),
  };
}
