import {
  type Block,
  type LayerReplay,
  type MoeFfn,
  MoepressError,
  type ReplayRequest,
  throwIfAborted,
  type WeightedExpert,
} from '@moepress/core';
import type { Engine } from '../../engine/engine.js';
import { hiddenKey } from '../../states/keys.js';
import { type BatchStates, heldName } from '../../states/states.js';
import { addUp, sumDistances } from '../distance.js';
import { addGraph, trialGraph, trialInput } from './graphs.js';

export type MoeBlock = Block & { readonly ffn: MoeFfn };

/** What the block yields with the experts added so far, and what its experts see. */
export const stateKey = 'replay.state';
export const ffnInputKey = 'replay.ffn-input';
/** What an expert of the pool makes of all tokens. */
export const outputKey = (entry: number): string => `replay.output.${entry}`;

/** A layer whose block output, state and experts' outputs are all among the states. */
export class CachedLayer implements LayerReplay {
  readonly layer: number;
  readonly #engine: Engine;
  readonly #block: MoeBlock;
  readonly #hiddenSize: number;
  readonly #sequences: number;
  readonly #states: BatchStates;
  readonly #request: ReplayRequest;

  constructor(
    engine: Engine,
    block: MoeBlock,
    states: BatchStates,
    options: { readonly hiddenSize: number; readonly sequences: number; readonly request: ReplayRequest },
  ) {
    this.layer = block.index;
    this.#engine = engine;
    this.#block = block;
    this.#hiddenSize = options.hiddenSize;
    this.#sequences = options.sequences;
    this.#states = states;
    this.#request = options.request;
  }

  async tryExperts(candidates: readonly WeightedExpert[]): Promise<Float64Array> {
    for (const candidate of candidates) this.#check(candidate);
    if (candidates.length === 0) return new Float64Array(0);
    const { criterion, signal } = this.#request;
    const session = 'replay/trial';
    const reference = hiddenKey(this.layer + 1);
    const entries = [...new Set(candidates.map(({ expert }) => this.#entry(expert)))];
    const reads = [reference, stateKey, ...entries.map(outputKey)];
    await this.#engine.open(
      session,
      trialGraph(criterion, candidates, this.#block.ffn.slots, this.#hiddenSize),
    );
    try {
      const sums = await this.#engine.spread(this.#states.batches, (batch) =>
        this.#states.using(batch, { reads }, () => {
          throwIfAborted(signal);
          const outputs = entries.map((entry) => [trialInput(entry), heldName(batch, outputKey(entry))]);
          const held = {
            reference: heldName(batch, reference),
            state: heldName(batch, stateKey),
            ...Object.fromEntries(outputs),
          };
          return sumDistances(session, batch, held, this.#hiddenSize, this.#sequences);
        }),
      );
      return addUp(sums);
    } finally {
      await this.#engine.close(session);
    }
  }

  async add(added: WeightedExpert): Promise<void> {
    this.#check(added);
    const session = 'replay/add';
    const output = outputKey(this.#entry(added.expert));
    await this.#engine.open(session, addGraph(added.weight, this.#hiddenSize));
    try {
      await this.#engine.spread(this.#states.batches, (batch) =>
        this.#states.using(batch, { reads: [stateKey, output], writes: stateKey }, async () => {
          throwIfAborted(this.#request.signal);
          const state = heldName(batch, stateKey);
          const feeds = { state: { held: state }, output: { held: heldName(batch, output) } };
          await batch.worker.run([{ session, feeds, hold: { sum: state } }]);
        }),
      );
    } finally {
      await this.#engine.close(session);
    }
  }

  #entry(slot: number): number {
    return this.#block.ffn.slots[slot]!;
  }

  #check({ expert, weight }: WeightedExpert): void {
    if (this.#block.ffn.slots[expert] !== undefined && Number.isFinite(weight)) return;
    throw new MoepressError('PLUGIN_INVALID', {
      message: `There is no expert ${expert} to be weighed by ${weight}.`,
      where: `tools.replayLayers, layer ${this.layer}`,
      hint: 'Report this to the author of the method.',
    });
  }
}
