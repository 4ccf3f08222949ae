import { type Block, blockTensors, headTensors, type Model } from '@moepress/core';
import type { GraphIR } from '@moepress/graph';
import { blockLearningGraph, embedLearningGraph } from '../decoder/learning.js';
import { lossGradientGraph, lossGraph } from '../decoder/loss-graph.js';
import { stateLoss } from '../decoder/losses.js';
import { parametersIn } from '../decoder/parameter.js';
import type { Feeds, Step, TensorHandle } from '../engine/handles.js';
import { int32, tensor } from '../engine/protocol.js';
import { closing } from '../engine/scope.js';
import type { SessionPool } from '../engine/session-pool.js';
import { walkBlocks } from '../forward/walk-blocks.js';
import { layoutFeeds, type WorkerBatch } from '../forward/worker-batch.js';
import { paddingOf } from '../tokens/token-layout.js';
import type { Objective, PreparedLoss } from './objective.js';
import type { Parameters } from './parameters.js';
import { rowStretches, type TrainingBatch } from './training-batches.js';
import { type ForwardStates, TrainingForward } from './training-forward.js';

/** The deepest block whose gradients are wanted, of a view with parameters; the number of blocks if none is. */
export function lowestLearning({ blocks, embed }: Model): number {
  if (parametersIn([embed]).length > 0) return 0;
  const learns = blocks.findIndex((block) => parametersIn(blockTensors(block)).length > 0);
  return learns < 0 ? blocks.length : learns;
}

/** A batch at the top of the model: its states, what its loss looks at, and, on the way back, the gradient of the states. */
interface AtTop {
  readonly batch: TrainingBatch;
  readonly states: ForwardStates;
  readonly loss: PreparedLoss;
  /** Null where only losses are needed. */
  readonly backwards: { readonly gradient: TensorHandle; readonly scale: number } | null;
}

/** Losses of batches and the gradients of what learns, which are added up where the parameters have them. */
export class Gradients {
  readonly #sessions: SessionPool;
  readonly #parameters: Parameters;
  readonly #model: Model;
  readonly #objective: Objective;
  readonly #forward: TrainingForward;
  /** The deepest boundary whose gradient is wanted: that below the lowest block that learns, after it. */
  readonly #lowest: number;
  readonly #embedLearns: boolean;

  constructor(sessions: SessionPool, parameters: Parameters, objective: Objective) {
    const model = parameters.view;
    this.#sessions = sessions;
    this.#parameters = parameters;
    this.#model = model;
    this.#objective = objective;
    this.#embedLearns = parametersIn([model.embed]).length > 0;
    this.#lowest = lowestLearning(model);
    const keepsAll = objective.states !== null;
    const keeps = (boundary: number) => keepsAll || boundary >= this.#lowest;
    this.#forward = new TrainingForward(sessions, model, { name: 'student', keeps, parameters });
  }

  /** The losses of a batch, added up over its predicted tokens. */
  async loss(batch: TrainingBatch): Promise<number> {
    return this.#atTop(batch, null, async (top) => {
      let loss = await this.#headLoss(top);
      for (let boundary = 1; boundary <= this.#model.blocks.length; boundary++) {
        loss += await this.#stateLoss(top, boundary);
      }
      return loss;
    });
  }

  /** The same, and adds the gradients of the losses times `scale` to those of earlier batches. */
  async add(batch: TrainingBatch, scale: number): Promise<number> {
    return this.#atTop(batch, scale, async (top) => {
      let loss = await this.#headLoss(top);
      await this.#backwardThroughBlocks(top, async (boundary) => {
        loss += await this.#stateLoss(top, boundary);
      });
      for (let boundary = this.#lowest; boundary > 0; boundary--) {
        loss += await this.#stateLoss({ ...top, backwards: null }, boundary);
      }
      if (this.#embedLearns) await this.#embedBackward(top);
      return loss;
    });
  }

  /** Calls `use` when the batch has gone forward and the objective is ready. */
  async #atTop<R>(batch: TrainingBatch, scale: number | null, use: (top: AtTop) => Promise<R>): Promise<R> {
    const { scope } = this.#sessions;
    const states = await this.#forward.run(batch.layout);
    const gradient = scope.tensor(states.batch.worker, 'student/gradient');
    const prepared = async () => {
      const loss = await this.#objective.prepare(batch);
      return closing(
        async () => {
          if (scale === null) return use({ batch, states, loss, backwards: null });
          const dims = [batch.layout.ids.length, this.#model.config.hiddenSize];
          await gradient.put(tensor('float32', dims, new Float32Array(dims[0]! * dims[1]!)));
          return use({ batch, states, loss, backwards: { gradient, scale } });
        },
        () => loss.free(),
      );
    };
    return closing(prepared, async () => {
      await scope.free([gradient]);
      await states.free();
    });
  }

  async #headLoss({ batch, states, loss, backwards }: AtTop): Promise<number> {
    const { config, head } = this.#model;
    const { rowLoss } = this.#objective;
    const parameters = parametersIn(headTensors(this.#model));
    const graph = () =>
      backwards
        ? lossGradientGraph(config.hiddenSize, rowLoss, parameters)
        : lossGraph(config.hiddenSize, rowLoss);
    // The gradient of the head is as large as the logits of H rows, and comes with every stretch.
    const least = backwards && head.kind === 'parameter' ? config.hiddenSize : 1;
    const feeds = [...rowStretches(batch, this.#model, least)].map(([begin, end]) => ({
      ...{ hidden: states.final, rows: int32(batch.rows.subarray(begin, end)) },
      ...loss.feeds(begin, end),
    }));
    return this.#rowLoss('head', graph, feeds, backwards);
  }

  /** The loss of the states at a boundary, if there is one. */
  async #stateLoss({ batch, states, loss, backwards }: AtTop, boundary: number): Promise<number> {
    const wanted = this.#objective.states;
    if (!wanted || !loss.states) return 0;
    const { hiddenSize } = this.#model.config;
    const weight = wanted.weight / this.#model.blocks.length;
    const graph = () =>
      backwards ? lossGradientGraph(hiddenSize, stateLoss) : lossGraph(hiddenSize, stateLoss);
    const feeds = { hidden: states.at(boundary), teacher: loss.states.at(boundary), rows: int32(batch.rows) };
    const scaled = backwards && { ...backwards, scale: backwards.scale * weight };
    return weight * (await this.#rowLoss('states', graph, [feeds], scaled));
  }

  /** The losses of some stretches of rows. */
  async #rowLoss(
    name: string,
    graph: () => GraphIR,
    stretches: readonly Feeds[],
    backwards: AtTop['backwards'],
  ): Promise<number> {
    const worker = this.#sessions.scope.workers[0]!;
    return this.#sessions.with(backwards ? `${name}/gradient` : name, graph, async (session) => {
      let loss = 0;
      for (const own of stretches) {
        const feeds = { ...this.#parameters.feeds, ...own };
        const step: Step = backwards
          ? {
              session,
              feeds: {
                ...feeds,
                gradient: backwards.gradient,
                scale: tensor('float32', [], Float32Array.of(backwards.scale)),
              },
              keep: { gradientOut: backwards.gradient },
              add: this.#parameters.gradientsIn(session.outputs),
            }
          : { session, feeds };
        const [results] = await worker.run([{ ...step, fetch: ['loss'] }]);
        loss += Number(results!.loss!.data[0]);
      }
      return loss;
    });
  }

  /**
   * From the gradient of the last states to those of the parameters, and of the states below the lowest block that learns.
   * Calls `visit` at every boundary above a block that learns, before the gradient goes through that block.
   */
  async #backwardThroughBlocks(top: AtTop, visit: (boundary: number) => Promise<void>): Promise<void> {
    const { blocks } = this.#model;
    const below = (i: number) => this.#embedLearns || i > this.#lowest;
    const steps = blocks
      .map((block, i) => ({
        ...{ block, i },
        name: `student/block.${i}/gradient`,
        graph: () => blockLearningGraph(this.#model, block, below(i)),
      }))
      .slice(this.#lowest)
      .toReversed();
    await walkBlocks(this.#sessions, steps, async ({ block, i }, session) => {
      await visit(i + 1);
      const { gradient } = top.backwards!;
      const { batch } = top.states;
      await batch.worker.run([
        {
          session,
          feeds: {
            ...this.#parameters.feeds,
            ...paddedFeeds(batch, block),
            ...{ hidden: top.states.at(i), gradient },
          },
          keep: below(i) ? { gradientOut: gradient } : {},
          add: this.#parameters.gradientsIn(session.outputs),
        },
      ]);
    });
  }

  async #embedBackward({ batch, backwards }: AtTop): Promise<void> {
    const graph = () => embedLearningGraph(this.#model);
    await this.#sessions.with('student/embed/gradient', graph, async (session) => {
      const feeds = { ids: int32(batch.layout.ids), gradient: backwards!.gradient };
      const add = this.#parameters.gradientsIn(session.outputs);
      await this.#sessions.scope.workers[0]!.run([{ session, feeds, add }]);
    });
  }
}

/** What derivatives are fed for a batch, whose attention is over padded sequences. */
function paddedFeeds(batch: WorkerBatch, block: Block): Feeds {
  const { longest, pad, unpad } = paddingOf(batch.layout);
  return {
    ...layoutFeeds(batch, block),
    ...{ pad: tensor('int32', [batch.layout.lengths.length, longest], pad), unpad: int32(unpad) },
  };
}
