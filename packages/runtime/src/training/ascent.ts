import type { Model } from '@moepress/core';
import { blockGraph } from '../decoder/block.js';
import { embedGraph } from '../decoder/ends.js';
import { int32 } from '../engine/tensor.js';
import { blockFeeds, dropBatch, type HeldBatch, holdBatch } from '../forward/held.js';
import type { Layout } from '../forward/layout.js';
import type { Sessions } from './sessions.js';

/** The way up through a model that shares its worker with another one: sessions and states have its name. */
export class Ascent {
  readonly #sessions: Sessions;
  readonly #model: Model;
  readonly #name: string;
  readonly #keeps: (boundary: number) => boolean;
  #batch: HeldBatch | null = null;

  /** `keeps` says which states outlast the way up, besides the last ones; see `states`. */
  constructor(sessions: Sessions, model: Model, name: string, keeps: (boundary: number) => boolean) {
    this.#sessions = sessions;
    this.#model = model;
    this.#name = name;
    this.#keeps = keeps;
  }

  /** Name under which the states before block `boundary` are held, or after the last one. */
  states(boundary: number): string {
    return `${this.#name}/states/${boundary}`;
  }

  /** Those after the last block. */
  get final(): string {
    return this.states(this.#model.blocks.length);
  }

  /** Takes a batch from its tokens up to the states after the last block. */
  async climb(layout: Layout): Promise<HeldBatch> {
    const { worker } = this.#sessions;
    const batch = await holdBatch(worker, this.#name, layout, this.#model, { attention: 'tree' });
    this.#batch = batch;
    const embed = `${this.#name}/embed`;
    await this.#sessions.use(embed, () => embedGraph(this.#model));
    const feeds = { ids: int32(layout.ids) };
    await worker.run([{ session: embed, feeds, hold: { hidden: this.states(0) } }]);
    for (const [i, block] of this.#model.blocks.entries()) {
      const session = `${this.#name}/block.${i}`;
      await this.#sessions.use(session, () => blockGraph(this.#model, block));
      const feeds = { ...blockFeeds(batch, block), hidden: { held: this.states(i) } };
      await worker.run([{ session, feeds, hold: { hiddenOut: this.states(i + 1) } }]);
      if (!this.#keeps(i)) await worker.drop([this.states(i)]);
    }
    return batch;
  }

  /** Forgets all that is held of the batch. */
  async forget(): Promise<void> {
    if (this.#batch) await dropBatch(this.#batch);
    this.#batch = null;
    const boundaries = [...this.#model.blocks.keys(), this.#model.blocks.length];
    await this.#sessions.worker.drop(boundaries.map((boundary) => this.states(boundary)));
  }
}
