import { availableParallelism } from 'node:os';
import type { Progress } from '@moepress/core';
import type { GraphIR } from '@moepress/graph';
import type { Device, DeviceOptions, Precision } from '../devices/device.js';
import { inHalfPrecision } from '../devices/half-precision.js';
import { cacheShare, defaultGpuMemory, heldShare, limitsWithin } from '../devices/memory.js';
import { inSinglePrecision } from '../devices/single-precision.js';
import { type DeviceTraits, traitsOf } from '../devices/traits.js';
import { WeightBudget } from '../devices/weight-budget.js';
import { type BatchLimits, defaultLimits } from '../forward/batches.js';
import { carriedMemory } from './machine-memory.js';
import { EngineWorker } from './worker.js';

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
  /** Bytes that the process takes besides; 0 if nobody has worked it out. */
  readonly fixed?: number;
  /** `cpu` by default. Another must be one that starts, see `startDevice`. */
  readonly device?: Device;
}

/** Something that lives in one worker. */
export interface InWorker {
  readonly worker: EngineWorker;
}

/**
 * ONNX Runtime in a few workers that map the same weights. Spreading batches over them keeps all
 * cores busy where an operator knows one thread only.
 */
export class Engine {
  readonly workers: readonly EngineWorker[];
  /** What its graphs should look like. */
  readonly traits: DeviceTraits;
  /** How large its batches may be. */
  readonly limits: Omit<BatchLimits, 'heads'>;
  /** Bytes for the keys and values of sequences that are decoded side by side. */
  readonly cacheBytes: number;
  /** Bytes for hidden states between blocks. */
  readonly carriedBytes: number;
  /** Bytes that the process takes besides; 0 if nobody has worked it out. */
  readonly fixedBytes: number;
  /** Of its products with weights. */
  readonly precision: Precision;
  readonly #weights: WeightBudget | null;

  constructor(options: EngineOptions = {}) {
    const { device = 'cpu', precision = 'float32', gpuMemory = defaultGpuMemory } = options;
    const { threads = availableParallelism(), carried = carriedMemory() } = options;
    const { tokens = defaultLimits.tokens } = options;
    this.traits = traitsOf[device];
    this.limits = device === 'cpu' ? { ...defaultLimits, tokens } : limitsWithin(gpuMemory);
    this.cacheBytes = this.traits.keepsOutputs ? gpuMemory * cacheShare : carried;
    this.carriedBytes = carried;
    this.fixedBytes = options.fixed ?? 0;
    this.precision = device === 'cpu' ? 'float32' : precision;
    this.#weights = device === 'cpu' ? null : new WeightBudget(gpuMemory);
    const count = options.workers ?? Math.min(this.traits.workers, threads);
    const each = Math.max(1, Math.floor(threads / count));
    const deviceMemory = Math.floor((gpuMemory * heldShare) / count);
    this.workers = Array.from({ length: count }, () => new EngineWorker(each, { device, deviceMemory }));
  }

  /** Opens a session in every worker. Throws `ENGINE_FAILED` if its weights exceed what a device may hold of them. */
  async open(session: string, graph: GraphIR, options: { readonly arena?: boolean } = {}): Promise<void> {
    const single = this.traits.doubles ? graph : inSinglePrecision(graph);
    const fitting = this.precision === 'float16' ? inHalfPrecision(single) : single;
    this.#weights?.take(session, fitting);
    try {
      await settled(this.workers.map((worker) => worker.open(session, fitting, options)));
    } catch (error) {
      this.#weights?.giveBack(session);
      throw error;
    }
  }

  async close(session: string): Promise<void> {
    await settled(this.workers.map((worker) => worker.close(session)));
    this.#weights?.giveBack(session);
  }

  /** Tells what memory the process is going to take at most, with so many bytes held from run to run. */
  tellMemory(held: number, progress: Progress | undefined): void {
    if (this.fixedBytes > 0) progress?.({ type: 'memory', predicted: Math.round(this.fixedBytes + held) });
  }

  /** Whose turn the i-th piece of work is. */
  workerFor(i: number): EngineWorker {
    return this.workers[i % this.workers.length]!;
  }

  /**
   * Calls `use` for every item: one after the other in each worker, the workers side by side. Results
   * are in the order of the items. After a failure nothing further is begun, and what has begun is
   * waited for, so that the caller may clean up.
   */
  async spread<T extends InWorker, R>(items: readonly T[], use: (item: T) => Promise<R>): Promise<R[]> {
    const results = new Array<R>(items.length);
    let failed = false;
    const lane = async (worker: EngineWorker) => {
      for (const [i, item] of items.entries()) {
        if (failed) return;
        if (item.worker === worker) results[i] = await use(item);
      }
    };
    const lanes = this.workers.map((worker) =>
      lane(worker).catch((error) => {
        failed = true;
        throw error;
      }),
    );
    await settled(lanes);
    return results;
  }

  /** Ends the workers and frees all they hold. */
  async dispose(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.dispose()));
  }
}

/** Waits for all, then throws the first failure. */
async function settled(work: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(work)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}
