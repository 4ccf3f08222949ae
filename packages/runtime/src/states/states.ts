import { createHash } from 'node:crypto';
import { rmdir } from 'node:fs/promises';
import { checkSpace } from '@moepress/checkpoint';
import type { Model, MoepressError } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import { isWriteError } from '../evidence/write-error.js';
import { holdBatches } from '../forward/embed.js';
import { dropBatch, type HeldBatch } from '../forward/held.js';
import type { Layout } from '../forward/layout.js';
import { type Checkpoint, ScratchFolder } from './scratch.js';

/** Where the tensors may be that a pass carries from block to block. */
export interface Storage {
  /** Everything is written there too, so that a killed pass goes on where it was; null: nothing outlasts the run. */
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

/** The name under which a worker holds a batch's tensor of that key. */
export const heldName = (batch: HeldBatch, key: string): string => `${batch.name}/${key}`;

/**
 * Tensors [T, H] of each batch at the boundaries of blocks, by keys such as `hidden.3`. They are in
 * the workers, in scratch files, or in both; runs see them in the workers in any case, so the
 * numbers do not depend on it.
 */
export class BatchStates {
  readonly batches: readonly HeldBatch[];
  readonly #engine: Engine;
  readonly #width: number;
  #scratch: ScratchFolder | null;
  readonly #giveUp: Storage['giveUp'];
  readonly #spilled: boolean;
  readonly #keys = new Set<string>();

  private constructor(
    engine: Engine,
    batches: readonly HeldBatch[],
    options: { width: number; scratch: ScratchFolder | null; spilled: boolean; giveUp: Storage['giveUp'] },
  ) {
    this.#engine = engine;
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
    engine: Engine,
    model: Model,
    layouts: readonly Layout[],
    { folder, memory, giveUp, boundaries }: Storage & { readonly boundaries: number },
    use: (states: BatchStates) => Promise<R>,
  ): Promise<R> {
    const width = model.config.hiddenSize;
    const tokens = layouts.reduce((sum, { ids }) => sum + ids.length, 0);
    const bytes = tokens * width * Float32Array.BYTES_PER_ELEMENT;
    const spilled = bytes * boundaries > memory;
    const lasting = folder === null ? null : await lastingFolder(folder, (boundaries + 1) * bytes, giveUp);
    const scratch = lasting ?? (spilled ? await ScratchFolder.temporary() : null);
    let complete = false;
    try {
      const batches = await holdBatches(engine, model, layouts, 'states');
      const states = new BatchStates(engine, batches, { width, scratch, spilled, giveUp });
      try {
        const result = await use(states);
        complete = true;
        return result;
      } finally {
        await states.#drop();
      }
    } finally {
      await scratch?.close(complete);
    }
  }

  /** Calls `run` with the tensors it reads held in the batch's worker, where it must hold what it writes. */
  async using<R>(
    batch: HeldBatch,
    { reads = [], consumes = [], writes }: Access,
    run: () => Promise<R>,
  ): Promise<R> {
    const written = writes === undefined ? [] : [writes];
    for (const key of [...reads, ...consumes, ...written]) this.#keys.add(key);
    if (this.#spilled) for (const key of [...reads, ...consumes]) await this.#load(batch, key);
    const result = await run();
    for (const key of written) {
      await this.#keep((scratch) =>
        batch.worker.save([heldName(batch, key)], this.#file(scratch, batch, key)),
      );
    }
    const done = this.#spilled ? [...consumes, ...reads, ...written] : consumes;
    await batch.worker.drop(done.map((key) => heldName(batch, key)));
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
      // Batches go on side by side: the first to fail tells.
      if (this.#scratch === null) return;
      this.#scratch = null;
      this.#giveUp(error);
      await scratch.clear().catch(() => {});
    }
  }

  /** Reads everything once before it is relied on. */
  async #restore(keys: readonly string[]): Promise<boolean> {
    for (const key of keys) this.#keys.add(key);
    try {
      await this.#engine.spread(this.batches, async (batch) => {
        for (const key of keys) {
          await this.#load(batch, key);
          if (this.#spilled) await batch.worker.drop([heldName(batch, key)]);
        }
      });
      return true;
    } catch {
      await this.#dropKeys();
      return false;
    }
  }

  #load(batch: HeldBatch, key: string): Promise<void> {
    const dims = [batch.layout.ids.length, this.#width];
    return batch.worker.load([{ name: heldName(batch, key), dims }], this.#file(this.#scratch!, batch, key));
  }

  #file(scratch: ScratchFolder, batch: HeldBatch, key: string): string {
    return scratch.file(key, this.batches.indexOf(batch));
  }

  #signature(): string {
    const hash = createHash('sha256');
    for (const { layout } of this.batches) {
      hash.update(Int32Array.of(layout.lengths.length)).update(layout.lengths).update(layout.ids);
    }
    return hash.digest('hex');
  }

  async #dropKeys(): Promise<void> {
    const names = (batch: HeldBatch) => [...this.#keys].map((key) => heldName(batch, key));
    await Promise.all(this.batches.map((batch) => batch.worker.drop(names(batch))));
  }

  async #drop(): Promise<void> {
    await this.#dropKeys();
    await Promise.all(this.batches.map((batch) => dropBatch(batch)));
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
