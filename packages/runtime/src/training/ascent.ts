import type { Model } from '@moepress/core';
import { blockGraph } from '../decoder/block.js';
import { embedGraph } from '../decoder/ends.js';
import { int32 } from '../engine/tensor.js';
import { blockFeeds, type HeldBatch } from '../forward/held.js';
import type { Sessions } from './sessions.js';

/** A model whose sessions and states have a name of their own, beside another one in the same worker. */
export class Ascent {
  readonly model: Model;
  readonly #sessions: Sessions;
  readonly #name: string;
  readonly #keeps: (boundary: number) => boolean;

  /** `keeps` says which states outlast the way up, besides the last ones; see `states`. */
  constructor(sessions: Sessions, model: Model, name: string, keeps: (boundary: number) => boolean) {
    this.#sessions = sessions;
    this.model = model;
    this.#name = name;
    this.#keeps = keeps;
  }

  /** Name under which the states before block `boundary` are held, or after the last one. */
  states(boundary: number): string {
    return `${this.#name}/states/${boundary}`;
  }

  /** Takes a batch up, from its tokens to the states after the last block. */
  async climb(batch: HeldBatch): Promise<void> {
    const { worker } = this.#sessions;
    const embed = `${this.#name}/embed`;
    await this.#sessions.use(embed, () => embedGraph(this.model));
    const ids = int32(batch.layout.ids);
    await worker.run([{ session: embed, feeds: { ids }, hold: { hidden: this.states(0) } }]);
    for (const [i, block] of this.model.blocks.entries()) {
      const session = `${this.#name}/block.${i}`;
      await this.#sessions.use(session, () => blockGraph(this.model, block));
      const feeds = { ...blockFeeds(batch), hidden: { held: this.states(i) } };
      await worker.run([{ session, feeds, hold: { hiddenOut: this.states(i + 1) } }]);
      if (!this.#keeps(i)) await worker.drop([this.states(i)]);
    }
  }

  /** Forgets the states of the last way up. */
  async forget(): Promise<void> {
    const all = Array.from({ length: this.model.blocks.length + 1 }, (_, boundary) => this.states(boundary));
    await this.#sessions.worker.drop(all);
  }
}
