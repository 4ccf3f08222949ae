import { anonymousMemory } from '@moepress/checkpoint';
import {
  type Block,
  blockTensors,
  elementCount,
  headTensors,
  type Model,
  type TensorExpr,
  type TrainRequest,
} from '@moepress/core';
import type { GraphIR } from '@moepress/graph';
import { blockGraph } from '../decoder/block.js';
import { embedGraph } from '../decoder/embedding.js';
import { blockLearningGraph, embedLearningGraph } from '../decoder/learning.js';
import { lossGradientGraph, topTokensGraph } from '../decoder/loss-graph.js';
import { nextTokenLoss, teacherLoss, topTokensLoss } from '../decoder/losses.js';
import { parametersIn } from '../decoder/parameter.js';
import { type AxisSizes, expertSizes } from '../footprint/dims.js';
import { footprint, type SessionUse } from '../footprint/session-bytes.js';
import { nodesIn, shapeOf } from '../footprint/shapes.js';
import { defaultMemory } from '../memory/available.js';
import {
  answerGrowth,
  derivativeFragmentation,
  nodeBytes,
  threadBytes,
  uncollected,
} from '../memory/constants.js';
import { memoryExceeded } from '../memory/job.js';
import { mostQueries } from '../tokens/tiles.js';
import { lowestLearning } from './gradients.js';
import { chunkSizes, type Parameters } from './parameters.js';
import { mostRows, mostScores } from './training-batches.js';

/** How a model is trained so that the process stays within its memory. */
export interface TrainingPlan {
  /** That go through the model together. */
  readonly tokens: number;
  /** Whether the sessions of all blocks stay open. */
  readonly resident: boolean;
  /** Bytes of anonymous memory that the process takes at most. */
  readonly predicted: number;
}

export interface TrainingBounds {
  /** Bytes of anonymous memory that the process may take; half of what the machine has left by default. */
  readonly memory: number | undefined;
  /** Tokens that may go through the model together, the most first. */
  readonly sizes: readonly number[];
  /** Whether blocks may, or must, stay open. */
  readonly residencies: readonly boolean[];
}

/**
 * Chooses how a model is trained: in smaller batches, then with one block open at a time. Throws `MEMORY_EXCEEDED`,
 * with what it takes at least, if nothing fits.
 */
export function planTraining(
  request: TrainRequest,
  parameters: Pick<Parameters, 'view' | 'tensors'>,
  { memory = defaultMemory(), sizes, residencies }: TrainingBounds,
): TrainingPlan {
  // One worker trains; the main thread also keeps the curve, and the state of the run while it is written.
  const before = anonymousMemory() + 2 * answerGrowth + threadBytes + uncollected;
  const graphs = graphsOf(request, parameters.view);
  const sessions = graphs.reduce((sum, { graph, count }) => sum + count * nodesIn(graph) * nodeBytes, 0);
  let least = Number.POSITIVE_INFINITY;
  for (const resident of residencies) {
    for (const tokens of sizes) {
      const own = batchBytes(request, parameters, graphs, tokens);
      const predicted = before + own + (resident ? sessions : 0);
      if (predicted <= memory) return { tokens, resident, predicted };
      least = Math.min(least, predicted);
    }
  }
  throw memoryExceeded(request.name, least, memory);
}

/** What learns and what is computed for it, in batches of at most so many tokens. */
function batchBytes(
  request: TrainRequest,
  parameters: Pick<Parameters, 'view' | 'tensors'>,
  graphs: readonly Part[],
  tokens: number,
): number {
  const axes = axesOf(request, tokens, parameters.view.head.kind === 'parameter');
  const numbers = [...parameters.tensors.values()].reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const isSummed = !fitsOneBatch(request, tokens);
  // What AdamW remembers is zeros until the first step is done, and zeros that nobody has written take no memory.
  const kept = request.steps === 1 ? 4 * numbers : 12 * numbers;
  const runs = graphs.map((part) => {
    const { heap, mapped } = footprint(useOf(part, axes));
    // Of a batch that is alone in its step there are no gradients before it comes to the first that learns.
    const others = part.learns > 0 ? numbers - part.learns : 0;
    return { heap, beside: mapped + 4 * (isSummed ? numbers : others) };
  });
  const beside = Math.max(0, ...runs.map((run) => run.beside));
  // At the beginning some of what learns is converted at a time, and copied.
  const converted = 8 * Math.max(0, ...chunkSizes(parameters.tensors));
  return (
    Math.max(0, ...runs.map(({ heap }) => heap)) +
    stateBytes(request, parameters.view, axes.T!) +
    Math.max(kept + beside, 16 * numbers, converted)
  );
}

/** A graph of which there are `count` alike, and the block that it is of, if it is one's. */
interface Part {
  readonly graph: GraphIR;
  readonly count: number;
  readonly block: Block | null;
  /** Numbers whose gradients it yields. */
  readonly learns: number;
  readonly slack?: number | undefined;
}

/** All that it yields stays in the worker: nothing is copied for another thread. */
const useOf = ({ graph, block, slack }: Part, axes: AxisSizes): SessionUse => {
  const experts = block ? expertSizes(block, axes.T!) : [{}];
  const outputs = graph.outputs.map((output) => ({ ...output, onDevice: true }));
  return { graph: { ...graph, outputs }, slack, runs: experts.map((own) => ({ ...axes, ...own })) };
};

/** Sizes of the axes of the largest batch: its tokens, and the places of as many sequences as have room in attention. */
function axesOf(
  { model, sequences, validation, sequencesPerStep }: TrainRequest,
  tokens: number,
  learnsHead: boolean,
): AxisSizes {
  const lengths = sequences.map(({ ids }) => ids.length).sort((a, b) => b - a);
  const longest = Math.max(0, lengths[0] ?? 0, ...validation.map(({ ids }) => ids.length));
  const all = [
    lengths.slice(0, sequencesPerStep).reduce((sum, n) => sum + n, 0),
    validation.reduce((sum, { ids }) => sum + ids.length, 0),
  ];
  const T = Math.min(Math.max(...all), Math.max(tokens, longest));
  const places = Math.floor(mostScores / (model.config.heads * longest * longest));
  const B = Math.max(1, Math.min(Math.ceil(T / longest), places));
  const Q = Math.min(T, mostQueries);
  // The rows that are predicted are stretches of the batch's.
  const R = Math.min(T, mostRows(model.config, learnsHead ? model.config.hiddenSize : 1));
  return {
    T,
    B,
    S: longest,
    Q,
    N: Math.ceil(T / Q),
    K: Math.min(T, longest + Q),
    P: 0,
    R,
    heads: model.config.heads,
  };
}

function graphsOf({ model, loss }: TrainRequest, view: Model): Part[] {
  const { hiddenSize } = model.config;
  const heads = parametersIn(headTensors(view));
  const [teacher, teachersHead] =
    loss.kind === 'cross-entropy' ? [null, null] : [loss.teacher, loss.topLogits];
  const rowLoss =
    loss.kind === 'cross-entropy'
      ? nextTokenLoss(view)
      : loss.topLogits === null
        ? teacherLoss(view, loss.teacher, loss)
        : topTokensLoss(view, loss.topLogits, loss);
  const lowest = lowestLearning(view);
  const once = (graph: GraphIR, learning: readonly TensorExpr[] = []): Part => ({
    graph,
    count: 1,
    block: null,
    learns: numbersIn(learning),
  });
  return [
    once(embedGraph(view)),
    once(lossGradientGraph(hiddenSize, rowLoss, heads), heads),
    ...(parametersIn([view.embed]).length > 0
      ? [once(embedLearningGraph(view), parametersIn([view.embed]))]
      : []),
    ...partsOf(view.blocks, (block) => blockGraph(view, block)),
    ...partsOf(view.blocks.slice(lowest), (block) => blockLearningGraph(view, block, true)).map((part) => ({
      ...part,
      learns: numbersIn(parametersIn(blockTensors(part.block!))),
      slack: derivativeFragmentation,
    })),
    ...(teacher ? partsOf(teacher.blocks, (block) => blockGraph(teacher, block)) : []),
    ...(teacher && teachersHead !== null ? [once(topTokensGraph(teacher, teachersHead, 1))] : []),
  ];
}

const numbersIn = (tensors: readonly TensorExpr[]): number =>
  tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);

/** One of each kind of block: those that differ in shapes or in what learns. */
function partsOf(blocks: readonly Block[], graphOf: (block: Block) => GraphIR): Part[] {
  const kinds = new Map<string, Block[]>();
  for (const block of blocks) {
    const kind = `${shapeOf(block)} ${parametersIn(blockTensors(block)).length}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), block]);
  }
  return [...kinds.values()].map((alike) => ({
    graph: graphOf(alike[0]!),
    count: alike.length,
    block: alike[0]!,
    learns: 0,
  }));
}

/** Whether the sequences of any step go through the model together. */
function fitsOneBatch({ model, sequences, sequencesPerStep }: TrainRequest, tokens: number): boolean {
  const lengths = sequences.map(({ ids }) => ids.length).sort((a, b) => b - a);
  const longest = lengths[0] ?? 0;
  const count = Math.min(lengths.length, sequencesPerStep);
  const most = lengths.slice(0, count).reduce((sum, length) => sum + length, 0);
  const scores = count * model.config.heads * longest * longest;
  return count <= 1 || (most <= tokens && scores <= mostScores);
}

/** States of a batch: with two on the way, and the gradient. */
function stateBytes({ loss, model }: TrainRequest, view: Model, tokens: number): number {
  const boundaries = view.blocks.length - lowestLearning(view) + 1;
  const teachers = loss.kind === 'distillation' && loss.hiddenStates > 0 ? loss.teacher.blocks.length + 1 : 2;
  return 4 * model.config.hiddenSize * tokens * (boundaries + teachers + 3);
}
