import type { Model, Pass, Statistic } from '@moepress/core';
import { outputBytes } from '@moepress/graph';
import { headRows } from '../backward/head-gradients.js';
import { allExpertsGraph } from '../decoder/all-experts.js';
import { blockGraph } from '../decoder/block.js';
import { blockGradientGraph } from '../decoder/block-gradient.js';
import { embedGraph } from '../decoder/embedding.js';
import { lossGradientGraph } from '../decoder/loss-graph.js';
import { nextTokenLoss } from '../decoder/losses.js';
import { isStatisticOutput } from '../decoder/statistics.js';
import type { Job } from '../engine/arrange.js';
import type { Engine } from '../engine/engine.js';
import { dimsOf, expertSizes } from '../footprint/dims.js';
import {
  blockUses,
  idleBytes,
  largestOf,
  largestStateBytes,
  layoutBytes,
  type SessionUse,
  stateBytes,
  workerBytes,
} from '../footprint/session-bytes.js';
import { distinctBlocks } from '../footprint/shapes.js';
import { derivativeFragmentation, gramFragmentation } from '../memory/constants.js';
import type { Demand } from '../memory/job.js';
import { batchSequences } from '../tokens/batch-sequences.js';
import { type Layout, layOut } from '../tokens/token-layout.js';
import { isMoe, rowsAtOnce } from './passes/all-experts-calibration.js';
import { isMeasuredBy, upToLastMeasured } from './passes/pass-request.js';

/** The statistics that a pass of a calibration is about to measure. */
export interface PassWork {
  readonly pass: Pass;
  readonly model: Model;
  readonly sequences: readonly (readonly number[])[];
  readonly statistics: readonly Statistic[];
}

/** Copies of a layer's sums: one that is added to, and what two runs in each of two workers hand over. */
const sumCopies = 5;

/** The memory of a pass, computed from the graphs that it will run and the batches they will run with. */
export function passJob(engine: Engine, work: PassWork): Job {
  const where = `${work.model.id}, ${work.pass} pass`;
  if (work.pass === 'backward') {
    const demand = backwardDemand(work);
    return { where, sizes: [engine.limits.tokens], inTokens: false, demandOf: () => demand };
  }
  const model = upToLastMeasured(work);
  const measured = work.pass === 'forward' ? forwardSessions(model, work) : allExpertsSessions(model, work);
  return {
    where,
    sizes: engine.runSizes,
    inTokens: true,
    demandOf(tokens) {
      const limits = { ...engine.limits, tokens, heads: model.config.heads };
      const layouts = batchSequences(work.sequences, limits);
      const state = largestStateBytes(model, layouts);
      const sessions = [...measured(layouts, tokens), embedUse(model, layouts)];
      const isUp = work.pass === 'forward';
      // The embedding and all blocks, each once for each batch; all experts run in parts.
      const runs = isUp ? layouts.length * (model.blocks.length + 1) : undefined;
      return {
        // In addition to a run of all experts, the values that statistics read.
        worker: workerBytes({ sessions, runs }) + (isUp ? state : 2 * state),
        idle: idleBytes(sessions),
        busy: layouts.length,
        held: layoutBytes(model, layouts) + sumBytes(model, sessions),
        carried: stateBytes(model, layouts),
        spilled: 3 * state,
      };
    },
  };
}

type SessionsOf = (layouts: readonly Layout[], tokens: number) => SessionUse[];

function forwardSessions(model: Model, { statistics }: PassWork): SessionsOf {
  const graphs = new Map(
    distinctBlocks(model).map((block) => [block, blockGraph(model, block, { statistics })]),
  );
  return (layouts) => blockUses(model, layouts, (block) => graphs.get(block)!);
}

function allExpertsSessions(model: Model, { statistics }: PassWork): SessionsOf {
  const blocks = distinctBlocks(model);
  const up = new Map(blocks.map((block) => [block, blockGraph(model, block, { ffnInput: isMoe(block) })]));
  const all = blocks
    .filter(isMoe)
    .map((block) => ({ block, graph: allExpertsGraph(model, block, statistics) }));
  return (layouts, tokens) => [
    ...blockUses(model, layouts, (block) => up.get(block)!),
    ...all.map(({ block, graph }) => {
      const most = largestOf(layouts).reduce((longest, { ids }) => Math.max(longest, ids.length), 0);
      const rows = Math.min(rowsAtOnce(model, block, tokens), most);
      return { graph, runs: [{ T: rows, C: rows, H: model.config.hiddenSize }], slack: gramFragmentation };
    }),
  ];
}

function backwardDemand({ model, sequences, statistics }: PassWork): Demand {
  const layouts = sequences.filter((ids) => ids.length > 1).map((ids, index) => layOut([{ index, ids }]));
  const lowest = Math.max(0, model.blocks.findIndex(isMeasuredBy(statistics)));
  const state = largestStateBytes(model, layouts);
  const longest = Math.max(1, ...largestOf(layouts).map(({ ids }) => ids.length));
  const down = distinctBlocks({ blocks: model.blocks.slice(lowest) }).map(
    (block): SessionUse => ({
      graph: blockGradientGraph(model, block, statistics),
      runs: expertSizes(block, longest).map((experts) => ({ ...experts, T: longest, S: longest, B: 1 })),
      slack: derivativeFragmentation,
    }),
  );
  const head = {
    graph: lossGradientGraph(model.config.hiddenSize, nextTokenLoss(model)),
    runs: [{ T: longest, R: headRows(model, longest) }],
  };
  const up = blockUses(model, layouts, (block) => blockGraph(model, block, { exact: true }));
  const before = [embedUse(model, layouts), ...up, head];
  return {
    worker:
      Math.max(workerBytes({ sessions: before }), workerBytes({ sessions: down, earlier: before })) +
      2 * state,
    idle: idleBytes([...before, ...down]),
    busy: layouts.length,
    held: layoutBytes(model, layouts) + sumBytes(model, down),
    carried: (model.blocks.length - lowest + 1) * stateBytes(model, layouts),
    spilled: 4 * state,
  };
}

const embedUse = (model: Model, layouts: readonly Layout[]): SessionUse => ({
  graph: embedGraph(model),
  runs: largestOf(layouts).map(({ ids }) => ({ T: ids.length })),
});

/** Sums of all layers, and those being transferred. */
function sumBytes({ blocks }: Model, sessions: readonly SessionUse[]): number {
  const largest = Math.max(
    0,
    ...sessions.map(({ graph }) => {
      const outputs = graph.outputs.filter(({ name }) => isStatisticOutput(name));
      return outputBytes({ ...graph, outputs }, dimsOf({}));
    }),
  );
  return (blocks.length + sumCopies) * largest;
}
