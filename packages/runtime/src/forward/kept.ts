import { type Block, hasAttention } from '@moepress/core';
import { keyDimOf } from '../decoder/attention/indexer.js';
import { valueDimOf } from '../decoder/attention/value-dim.js';
import type { Append, CacheHandle, WorkerCommands } from '../engine/handles.js';
import type { EngineScope } from '../engine/scope.js';
import type { Run } from '../tokens/runs.js';
import type { SharedPast } from './past.js';

/**
 * Keys and values that workers keep from one run to those after it: of one block at a time, since all runs go
 * through a block before the next one is begun.
 */
export class KeptRows {
  readonly #scope: EngineScope;
  readonly #caches: ReadonlyMap<WorkerCommands, { readonly key: CacheHandle; readonly value: CacheHandle }>;

  constructor(scope: EngineScope) {
    this.#scope = scope;
    this.#caches = new Map(
      scope.workers.map((worker) => [
        worker,
        { key: scope.cache(worker, 'kept/key'), value: scope.cache(worker, 'kept/value') },
      ]),
    );
  }

  /** Makes room for those of a block, of which there are none yet. */
  async begin(block: Block): Promise<void> {
    // Where there is a recurrence no run comes after another, and an FFN alone sees no other tokens.
    if (!hasAttention(block)) return;
    const { attention } = block;
    const { kvHeads } = attention;
    for (const { key, value } of this.#caches.values()) {
      await key.reset({ sequences: null, kvHeads, headDim: keyDimOf(attention) });
      await value.reset({ sequences: null, kvHeads, headDim: valueDimOf(attention) });
    }
  }

  /** The inputs of a run in a worker that has tokens before it. */
  past(worker: WorkerCommands): SharedPast {
    return this.#caches.get(worker)!;
  }

  /** Puts the keys and values of a run's tokens behind those before it. */
  append(worker: WorkerCommands, { layout, prefix }: Run, block: Block): Append[] {
    if (!hasAttention(block)) return [];
    const { key, value } = this.#caches.get(worker)!;
    const parts = [{ sequence: 0, start: prefix, rows: layout.rows }];
    return [
      { output: 'ownKey', cache: key, headsFirst: true, parts },
      { output: 'ownValue', cache: value, headsFirst: true, parts },
    ];
  }

  async free(): Promise<void> {
    await this.#scope.free([...this.#caches.values()].flatMap(({ key, value }) => [key, value]));
  }
}
