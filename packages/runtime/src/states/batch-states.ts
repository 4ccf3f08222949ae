import { createHash } from 'node:crypto';
import { rmdir } from 'node:fs/promises';
import { checkSpace } from '@moepress/checkpoint';
import type { Model, MoepressError } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import type { TensorHandle } from '../engine/handles.js';
import { closing, type EngineScope } from '../engine/scope.js';
import { isWriteError } from '../evidence/write-error.js';
import { freeBatches, placeBatches, type WorkerBatch } from '../forward/worker-batch.js';
import type { Layout } from '../tokens/token-layout.js';
import { type Checkpoint, ScratchFolder } from './scratch.js';

/** Hidden states before block `block`; for the number of blocks, after the last one. */
export const hiddenKey = (block: number): string => `hidden.${block}`;

/** The gradient of those hidden states. */
export const gradientKey = (block: number): string => `gradient.${block}`;

/** Where the tensors that a pass takes from block to block may be stored. */
export interface Storage {
  /**
   * A folder to which everything is also written, so that an interrupted pass can be continued; null: nothing is kept
   * after the run.
   */
  readonly folder: string | null;
  /** Bytes they may take in memory; beyond that they live in files alone. */
  readonly memory: number;
  /**
   * Told why nothing can be written there, after which work goes on without, as far as memory allows; where it is
   * absent, that ends the work.
   */
  readonly giveUp?: ((error: MoepressError) => void) | undefined;
}

/** What a run does to the tensors of its batch, by their keys. */
export interface Access {
  readonly reads?: readonly string[];
  /** Read for the last time. */
  readonly consumes?: readonly string[];
  readonly writes?: string;
}

/** A model and where its tensors live. */
interface Place {
  readonly engine: Engine;
  readonly scope: EngineScope;
  readonly model: Model;
}

/**
 * Tensors [T, H] of each batch at the boundaries of blocks, by keys such as `hidden.3`. They are in
 * the workers, in scratch files, or in both; runs see them in the workers in any case, so the
 * numbers do not depend on it.
 */
export class BatchStates {
  readonly batches: readonly WorkerBatch[];
  readonly #engine: Engine;
  readonly #scope: EngineScope;
  readonly #tensors = new Map<WorkerBatch, Map<string, TensorHandle>>();
  readonly #width: number;
  #scratch: ScratchFolder | null;
  readonly #giveUp: Storage['giveUp'];
  readonly #spilled: boolean;

  private constructor(
    { engine, scope }: Place,
    batches: readonly WorkerBatch[],
    options: { width: number; scratch: ScratchFolder | null; spilled: boolean; giveUp: Storage['giveUp'] },
  ) {
    this.#engine = engine;
    this.#scope = scope;
    this.batches = batches;
    this.#width = options.width;
    this.#scratch = options.scratch;
    this.#spilled = options.spilled;
    this.#giveUp = options.spilled ? undefined : options.giveUp;
  }

  /**
   * Calls `use` with batches of these layouts in the workers. `boundaries` is the number of
   * boundaries whose tensors exist at once. Scratch files are left only if `use` failed and `folder`
   * was given. Throws `DISK_FULL` or `WRITE_FAILED` when they cannot be written.
   */
  static async with<R>(
    place: Place,
    layouts: readonly Layout[],
    { folder, memory, giveUp, boundaries }: Storage & { readonly boundaries: number },
    use: (states: BatchStates) => Promise<R>,
  ): Promise<R> {
    const width = place.model.config.hiddenSize;
    const tokens = layouts.reduce((sum, { ids }) => sum + ids.length, 0);
    const bytes = tokens * width * Float32Array.BYTES_PER_ELEMENT;
    const spilled = bytes * boundaries > memory;
    const lasting = folder === null ? null : await lastingFolder(folder, (boundaries + 1) * bytes, giveUp);
    const scratch = lasting ?? (spilled ? await ScratchFolder.temporary() : null);
    let complete = false;
    try {
      const batches = await placeBatches(place, layouts, 'states');
      const states = new BatchStates(place, batches, { width, scratch, spilled, giveUp });
      return await closing(
        async () => {
          const result = await use(states);
          complete = true;
          return result;
        },
        () => states.#free(),
      );
    } finally {
      await scratch?.close(complete);
    }
  }

  /** The tensor of a batch of that key. */
  tensor(batch: WorkerBatch, key: string): TensorHandle {
    const own = this.#tensors.get(batch) ?? new Map<string, TensorHandle>();
    this.#tensors.set(batch, own);
    const tensor = own.get(key) ?? this.#scope.tensor(batch.worker, `${batch.name}/${key}`);
    own.set(key, tensor);
    return tensor;
  }

  /** Forgets some tensors of a batch. */
  async forget(batch: WorkerBatch, keys: readonly string[]): Promise<void> {
    const own = this.#tensors.get(batch);
    const tensors = keys.map((key) => own?.get(key)).filter((tensor) => tensor !== undefined);
    for (const key of keys) own?.delete(key);
    await this.#scope.free(tensors);
  }

  /** Calls `run` with the tensors it reads in the batch's worker, where it must keep what it writes. */
  async using<R>(
    batch: WorkerBatch,
    { reads = [], consumes = [], writes }: Access,
    run: () => Promise<R>,
  ): Promise<R> {
    const written = writes === undefined ? [] : [writes];
    if (this.#spilled) for (const key of [...reads, ...consumes]) await this.#load(batch, key);
    const result = await run();
    for (const key of written) {
      await this.#keep((scratch) =>
        batch.worker.save([this.tensor(batch, key)], this.#file(scratch, batch, key)),
      );
    }
    const done = this.#spilled ? [...consumes, ...reads, ...written] : consumes;
    await this.forget(batch, done);
    return result;
  }

  /**
   * Where an earlier run came to, with its tensors restored; null to begin anew. `needed` names the
   * keys to go on from, or null if that run is of no use.
   */
  async resume(needed: (checkpoint: Checkpoint) => readonly string[] | null): Promise<Checkpoint | null> {
    const checkpoint = (await this.#scratch?.checkpoint(this.#signature())) ?? null;
    const keys = checkpoint && needed(checkpoint);
    if (keys && (await this.#restore(keys))) return checkpoint;
    await this.#scratch?.clear();
    return null;
  }

  /** Notes that all batches are at `checkpoint`, from where on the tensors `obsolete` are not needed. */
  async reach(checkpoint: Checkpoint, obsolete: readonly string[] = []): Promise<void> {
    await this.#keep(async (scratch) => {
      await scratch.note(this.#signature(), checkpoint, this.#engine.limits.tokens);
      for (const key of obsolete) await scratch.remove(key, this.batches.length);
    });
  }

  /** Writes to the scratch folder, if there is one; a cache that is full is one no longer. */
  async #keep(write: (scratch: ScratchFolder) => Promise<void>): Promise<void> {
    const scratch = this.#scratch;
    if (!scratch) return;
    try {
      await write(scratch);
    } catch (error) {
      if (!this.#giveUp || !isWriteError(error)) throw error;
      // Batches run concurrently: the first failure is reported.
      if (this.#scratch === null) return;
      this.#scratch = null;
      this.#giveUp(error);
      await scratch.clear().catch(() => {});
    }
  }

  /** Reads everything once before it is relied on. */
  async #restore(keys: readonly string[]): Promise<boolean> {
    try {
      await this.#engine.spread(this.batches, async (batch) => {
        for (const key of keys) {
          await this.#load(batch, key);
          if (this.#spilled) await this.forget(batch, [key]);
        }
      });
      return true;
    } catch {
      await Promise.all(this.batches.map((batch) => this.forget(batch, keys)));
      return false;
    }
  }

  #load(batch: WorkerBatch, key: string): Promise<void> {
    const dims = [batch.layout.ids.length, this.#width];
    const file = this.#file(this.#scratch!, batch, key);
    return batch.worker.load([{ tensor: this.tensor(batch, key), dims }], file);
  }

  #file(scratch: ScratchFolder, batch: WorkerBatch, key: string): string {
    return scratch.file(key, this.batches.indexOf(batch));
  }

  #signature(): string {
    const hash = createHash('sha256');
    for (const { layout } of this.batches) {
      hash.update(Int32Array.of(layout.lengths.length)).update(layout.lengths).update(layout.ids);
    }
    return hash.digest('hex');
  }

  async #free(): Promise<void> {
    await this.#scope.free([...this.#tensors.values()].flatMap((own) => [...own.values()]));
    await freeBatches(this.#scope, this.batches);
  }
}

/** The folder in a cache, unless there is no room in it: then `giveUp` is told, and null returned. */
async function lastingFolder(
  folder: string,
  bytes: number,
  giveUp: Storage['giveUp'],
): Promise<ScratchFolder | null> {
  try {
    const scratch = await ScratchFolder.lasting(folder);
    // What a killed run left there is counted as taken, and will be used or removed.
    if (giveUp && !scratch.isUsed) await checkSpace(folder, bytes);
    return scratch;
  } catch (error) {
    if (!giveUp || !isWriteError(error)) throw error;
    giveUp(error);
    await rmdir(folder).catch(() => {});
    return null;
  }
}
