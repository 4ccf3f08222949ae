import type { Model } from '@moepress/core';
import { blockGraph } from '../decoder/block.js';
import { embedGraph } from '../decoder/embedding.js';
import type { TensorHandle } from '../engine/handles.js';
import { int32 } from '../engine/protocol.js';
import type { SessionPool } from '../engine/session-pool.js';
import { walkBlocks } from '../forward/walk-blocks.js';
import { blockFeeds, freeBatches, placeBatch, type WorkerBatch } from '../forward/worker-batch.js';
import type { Layout } from '../tokens/token-layout.js';
import type { Parameters } from './parameters.js';

/** A batch that has been through a model, and its states there. */
export interface ForwardStates {
  readonly batch: WorkerBatch;
  /** Those before block `boundary`, or after the last one, as far as they are kept. */
  at(boundary: number): TensorHandle;
  /** Those after the last block. */
  readonly final: TensorHandle;
  /** Frees them, and the batch. */
  free(): Promise<void>;
}

/** The way forward through a model that shares its worker with another one. */
export class TrainingForward {
  readonly #sessions: SessionPool;
  readonly #model: Model;
  readonly #name: string;
  readonly #keeps: (boundary: number) => boolean;
  readonly #parameters: Pick<Parameters, 'feeds'> | null;

  /**
   * `name` tells its sessions from those of the other model. `keeps` says which states outlast the way, besides the last
   * ones. `parameters` are those of the model, if it has any.
   */
  constructor(
    sessions: SessionPool,
    model: Model,
    {
      name,
      keeps,
      parameters,
    }: {
      readonly name: string;
      keeps(boundary: number): boolean;
      readonly parameters: Pick<Parameters, 'feeds'> | null;
    },
  ) {
    this.#sessions = sessions;
    this.#model = model;
    this.#name = name;
    this.#keeps = keeps;
    this.#parameters = parameters;
  }

  /** Takes a batch from its tokens to the states after the last block. */
  async run(layout: Layout): Promise<ForwardStates> {
    const { scope } = this.#sessions;
    const [model, name, parameters] = [this.#model, this.#name, this.#parameters?.feeds];
    const worker = scope.workers[0]!;
    const batch = await placeBatch(scope, { worker, name, layout, model, attention: 'tree' });
    const states = Array.from({ length: model.blocks.length + 1 }, (_, i) =>
      scope.tensor(worker, `${name}/states/${i}`),
    );
    const embed = () => embedGraph(model);
    await this.#sessions.with(`${name}/embed`, embed, async (session) => {
      const feeds = { ...parameters, ids: int32(layout.ids) };
      await worker.run([{ session, feeds, keep: { hidden: states[0]! } }]);
    });
    const steps = model.blocks.map((block, i) => ({
      ...{ block, i },
      name: `${name}/block.${i}`,
      graph: () => blockGraph(model, block),
    }));
    await walkBlocks(this.#sessions, steps, async ({ block, i }, session) => {
      const feeds = { ...parameters, ...blockFeeds(batch, block), hidden: states[i]! };
      await worker.run([{ session, feeds, keep: { hiddenOut: states[i + 1]! } }]);
      if (!this.#keeps(i)) await scope.free([states[i]!]);
    });
    return {
      batch,
      at: (boundary) => states[boundary]!,
      final: states.at(-1)!,
      free: async () => {
        await scope.free(states);
        await freeBatches(scope, [batch]);
      },
    };
  }
}
