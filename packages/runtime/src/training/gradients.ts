import { blockTensors, type Model } from '@moepress/core';
import type { GraphIR } from '@moepress/graph';
import { blockLearningGraph, embedLearningGraph } from '../decoder/learning.js';
import { lossGradientGraph, lossGraph } from '../decoder/loss-graph.js';
import { stateLoss } from '../decoder/losses.js';
import { isGradient, parametersIn } from '../decoder/parameter.js';
import type { Feed } from '../engine/protocol.js';
import { int32, tensor } from '../engine/tensor.js';
import type { HeldBatch } from '../forward/held.js';
import { paddingOf } from '../forward/padding.js';
import { Ascent } from './ascent.js';
import { rowStretches, type TrainingBatch } from './batches.js';
import type { Objective, RowFeeds } from './objective.js';
import type { Sessions } from './sessions.js';

/** Of the states at the boundary that the way down has come to. */
const gradient = 'student/gradient';

/** The deepest block whose gradients are wanted, of a view with parameters; the number of blocks if none is. */
export function lowestLearning({ blocks, embed }: Model): number {
  if (parametersIn([embed]).length > 0) return 0;
  const learns = blocks.findIndex((block) => parametersIn(blockTensors(block)).length > 0);
  return learns < 0 ? blocks.length : learns;
}

type Feeds = Readonly<Record<string, Feed>>;

/** Losses of batches and the gradients of what learns, which are added up where `gradientOf` says. */
export class Gradients {
  readonly #sessions: Sessions;
  readonly #model: Model;
  readonly #objective: Objective;
  readonly #up: Ascent;
  /** The deepest boundary whose gradient is wanted: that below the lowest block that learns, after it. */
  readonly #lowest: number;
  readonly #embedLearns: boolean;

  /** `model` is a view with parameters. */
  constructor(sessions: Sessions, model: Model, objective: Objective) {
    this.#sessions = sessions;
    this.#model = model;
    this.#objective = objective;
    this.#embedLearns = parametersIn([model.embed]).length > 0;
    this.#lowest = lowestLearning(model);
    const keepsAll = objective.states !== null;
    this.#up = new Ascent(sessions, model, 'student', (boundary) => keepsAll || boundary >= this.#lowest);
  }

  /** The losses of a batch, added up over its predicted tokens. */
  async loss(batch: TrainingBatch): Promise<number> {
    return this.#atTop(batch, async (_, feeds) => {
      let loss = await this.#headLoss(batch, feeds, null);
      for (let boundary = 1; boundary <= this.#model.blocks.length; boundary++) {
        loss += await this.#stateLoss(batch, boundary, null);
      }
      return loss;
    });
  }

  /** The same, and adds the gradients of the losses times `scale` to those of earlier batches. */
  async add(batch: TrainingBatch, scale: number): Promise<number> {
    return this.#atTop(batch, async (held, feeds) => {
      const { worker } = this.#sessions;
      const dims = [batch.layout.ids.length, this.#model.config.hiddenSize];
      await worker.put(gradient, tensor('float32', dims, new Float32Array(dims[0]! * dims[1]!)));
      let loss = await this.#headLoss(batch, feeds, scale);
      for (let boundary = this.#model.blocks.length; boundary > 0; boundary--) {
        const isAbove = boundary > this.#lowest;
        loss += await this.#stateLoss(batch, boundary, isAbove ? scale : null);
        if (isAbove) await this.#down(held, boundary - 1);
      }
      if (this.#embedLearns) await this.#embedDown(batch);
      await worker.drop([gradient]);
      return loss;
    });
  }

  /** Calls `use` when the batch has gone up and the objective is ready. */
  async #atTop<R>(batch: TrainingBatch, use: (held: HeldBatch, feeds: RowFeeds) => Promise<R>): Promise<R> {
    try {
      const held = await this.#up.climb(batch.layout);
      return await use(held, await this.#objective.prepare(batch));
    } finally {
      await this.#objective.forget();
      await this.#up.forget();
    }
  }

  async #headLoss(batch: TrainingBatch, feeds: RowFeeds, scale: number | null): Promise<number> {
    const { config, finalNorm, head } = this.#model;
    const { rowLoss } = this.#objective;
    const parameters = parametersIn([finalNorm, head]);
    const [session, graph] =
      scale === null
        ? ['head', () => lossGraph(config.hiddenSize, rowLoss)]
        : ['head/gradient', () => lossGradientGraph(config.hiddenSize, rowLoss, parameters)];
    // The gradient of the head is as large as the logits of H rows, and comes with every stretch.
    const least = scale !== null && head.kind === 'parameter' ? config.hiddenSize : 1;
    let loss = 0;
    for (const [begin, end] of rowStretches(batch, this.#model, least)) {
      const own = { hidden: { held: this.#up.final }, rows: int32(batch.rows.subarray(begin, end)) };
      loss += await this.#rowLoss(session, graph, { ...own, ...feeds(begin, end) }, scale);
    }
    return loss;
  }

  /** The loss of the states at a boundary, if there is one. */
  async #stateLoss(batch: TrainingBatch, boundary: number, scale: number | null): Promise<number> {
    const { states } = this.#objective;
    if (!states) return 0;
    const { config, blocks } = this.#model;
    const weight = states.weight / blocks.length;
    const [session, graph] =
      scale === null
        ? ['states', () => lossGraph(config.hiddenSize, stateLoss)]
        : ['states/gradient', () => lossGradientGraph(config.hiddenSize, stateLoss)];
    const feeds = {
      hidden: { held: this.#up.states(boundary) },
      teacher: { held: states.held(boundary) },
      rows: int32(batch.rows),
    };
    return weight * (await this.#rowLoss(session, graph, feeds, scale === null ? null : scale * weight));
  }

  async #rowLoss(session: string, graph: () => GraphIR, feeds: Feeds, scale: number | null): Promise<number> {
    const { worker } = this.#sessions;
    const add = (await this.#sessions.use(session, graph)).filter(isGradient);
    const backwards =
      scale === null
        ? { feeds }
        : {
            feeds: {
              ...feeds,
              gradient: { held: gradient },
              scale: tensor('float32', [], Float32Array.of(scale)),
            },
            hold: { gradientOut: gradient },
            add,
          };
    const [results] = await worker.run([{ session, fetch: ['loss'], ...backwards }]);
    return Number(results!.loss!.data[0]);
  }

  /** Through block `i`, from the gradient of its output to those of its parameters and of its input. */
  async #down(held: HeldBatch, i: number): Promise<void> {
    const { worker } = this.#sessions;
    const below = this.#embedLearns || i > this.#lowest;
    const session = `student/block.${i}/gradient`;
    const outputs = await this.#sessions.use(session, () =>
      blockLearningGraph(this.#model, this.#model.blocks[i]!, below),
    );
    const of = (input: string) => ({ held: `${held.name}/${input}` });
    const { longest, pad, unpad } = paddingOf(held.layout);
    const feeds = {
      ...{ hidden: { held: this.#up.states(i) }, gradient: { held: gradient } },
      ...{ pad: tensor('int32', [held.layout.lengths.length, longest], pad), unpad: int32(unpad) },
      ...{ cos: of('cos'), sin: of('sin') },
    };
    const hold = below ? { gradientOut: gradient } : {};
    await worker.run([{ session, feeds, hold, add: outputs.filter(isGradient) }]);
  }

  async #embedDown(batch: TrainingBatch): Promise<void> {
    const session = 'student/embed/gradient';
    const add = await this.#sessions.use(session, () => embedLearningGraph(this.#model));
    const feeds = { ids: int32(batch.layout.ids), gradient: { held: gradient } };
    await this.#sessions.worker.run([{ session, feeds, add }]);
  }
}
