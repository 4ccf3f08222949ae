import {
  type LayerReplay,
  type MoeBlock,
  MoepressError,
  type ReplayRequest,
  throwIfAborted,
  type WeightedExpert,
} from '@moepress/core';
import type { Session } from '../../engine/handles.js';
import type { ModelRun } from '../../forward/model-run.js';
import { type BatchStates, hiddenKey } from '../../states/batch-states.js';
import { addUp, sumDistances } from '../distance.js';
import { addGraph, trialGraph, trialInput } from './replay-graphs.js';

/** The outputs of the block with the experts added so far, and the input of its experts. */
export const stateKey = 'replay.state';
export const ffnInputKey = 'replay.ffn-input';
/** The outputs of an expert of the pool for all tokens. */
export const outputKey = (entry: number): string => `replay.output.${entry}`;

/** A layer that is replayed, and the states of the batches there. */
export interface Replaying {
  readonly run: ModelRun;
  readonly block: MoeBlock;
  readonly states: BatchStates;
  readonly request: ReplayRequest;
}

/** A layer whose block output, state and experts' outputs are all among the states. */
export class CachedLayer implements LayerReplay {
  readonly layer: number;
  readonly #replaying: Replaying;
  readonly #block: MoeBlock;
  readonly #sequences: number;

  constructor({ sequences, ...replaying }: Replaying & { readonly sequences: number }) {
    this.layer = replaying.block.index;
    this.#replaying = replaying;
    this.#block = replaying.block;
    this.#sequences = sequences;
  }

  async tryExperts(candidates: readonly WeightedExpert[]): Promise<Float64Array> {
    for (const candidate of candidates) this.#check(candidate);
    if (candidates.length === 0) return new Float64Array(0);
    const { run, states, request } = this.#replaying;
    const { hiddenSize } = run.model.config;
    const reference = hiddenKey(this.layer + 1);
    const entries = [...new Set(candidates.map(({ expert }) => this.#entry(expert)))];
    const reads = [reference, stateKey, ...entries.map(outputKey)];
    const graph = trialGraph(request.criterion, candidates, this.#block.ffn.slots, hiddenSize);
    const tryIn = (session: Session) =>
      run.engine.spread(states.batches, (batch) =>
        states.using(batch, { reads }, () => {
          throwIfAborted(request.signal);
          const outputs = entries.map((entry) => [trialInput(entry), states.tensor(batch, outputKey(entry))]);
          const compared = {
            reference: states.tensor(batch, reference),
            state: states.tensor(batch, stateKey),
            ...Object.fromEntries(outputs),
          };
          return sumDistances({ session, batch, states: compared, hiddenSize, sequences: this.#sequences });
        }),
      );
    return run.engine.turn(() => run.scope.with(graph, async (session) => addUp(await tryIn(session))));
  }

  async add(added: WeightedExpert): Promise<void> {
    this.#check(added);
    const { run, states, request } = this.#replaying;
    const output = outputKey(this.#entry(added.expert));
    const graph = addGraph(added.weight, run.model.config.hiddenSize);
    const addIn = (session: Session) =>
      run.engine.spread(states.batches, (batch) =>
        states.using(batch, { reads: [stateKey, output], writes: stateKey }, async () => {
          throwIfAborted(request.signal);
          const state = states.tensor(batch, stateKey);
          const feeds = { state, output: states.tensor(batch, output) };
          await batch.worker.run([{ session, feeds, keep: { sum: state } }]);
        }),
      );
    await run.engine.turn(() => run.scope.with(graph, addIn));
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
