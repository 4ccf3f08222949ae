import type { Block, Criterion, Model } from '@moepress/core';
import { blockGraph } from '../decoder/block.js';
import { embedGraph } from '../decoder/ends.js';
import type { Layout } from '../forward/layout.js';
import { type CalibratedModel, layoutsOf } from '../services/calibration.js';
import { finalDistanceGraph } from '../services/compare/graphs.js';
import { mostStates, type SharedWalk } from '../services/compare/walk.js';
import { distanceRows } from '../services/distance.js';
import {
  addGraph,
  expertGraph,
  replayStates,
  trialGraph,
  withoutExperts,
} from '../services/replay/graphs.js';
import type { MoeBlock } from '../services/replay/layer.js';
import type { Job } from './arrange.js';
import { distinctBlocks } from './shapes.js';
import {
  blockUses,
  largestOf,
  largestStateBytes,
  layoutBytes,
  type SessionUse,
  stateBytes,
  workerBytes,
} from './steps.js';

/** What it takes to replay some layers of a model. */
export function replay(bound: CalibratedModel, wanted: readonly MoeBlock[], criterion: Criterion): Job {
  const { model } = bound;
  const { hiddenSize } = model.config;
  const up = graphsOf(model.blocks, (block) => blockGraph(model, block));
  const bare = wanted.map((block) => withoutExperts(model, block));
  const open = graphsOf(bare, (block) => blockGraph(model, block, { ffnInput: true }));
  const experts = wanted.flatMap(({ ffn }) => ffn.pool).reduce((a, b) => (b.width > a.width ? b : a));
  const expert = expertGraph(experts, hiddenSize);
  const trials = distinctBlocks({ blocks: wanted }).map((block) => {
    const { slots } = (block as MoeBlock).ffn;
    const all = slots.map((_, expert) => ({ expert, weight: 1 }));
    return trialGraph(criterion, all, slots, hiddenSize);
  });
  return overTokens(bound, replayStates(wanted), (layouts) => {
    const runs = largestOf(layouts).map(({ ids }) => ({ T: ids.length, rows: distanceRows(hiddenSize) }));
    return [
      ...up(model, layouts),
      ...open({ ...model, blocks: bare }, layouts),
      ...[expert, addGraph(1, hiddenSize), ...trials].map((graph) => ({ graph, runs })),
    ];
  });
}

/** What it takes to compare views. */
export function comparison(bound: CalibratedModel, walk: SharedWalk, criterion: Criterion): Job {
  const { model } = bound;
  const { hiddenSize } = model.config;
  const blocks = walk.layers.flatMap((forms) => forms.map(({ block }) => block));
  const up = graphsOf(blocks, (block) => blockGraph(model, block));
  const last = Array.from({ length: walk.counts.at(-1)! }, (_, state) => state);
  const distance = finalDistanceGraph(model, criterion, last);
  return overTokens(bound, mostStates(walk), (layouts) => {
    const runs = largestOf(layouts).map(({ ids }) => ({ T: ids.length, rows: distanceRows(hiddenSize) }));
    return [...up({ ...model, blocks }, layouts), { graph: distance, runs }];
  });
}

type Sessions = (model: Pick<Model, 'blocks' | 'config'>, layouts: readonly Layout[]) => SessionUse[];

function graphsOf(blocks: readonly Block[], graphOf: (block: Block) => SessionUse['graph']): Sessions {
  const graphs = new Map(distinctBlocks({ blocks }).map((block) => [block, graphOf(block)]));
  return (model, layouts) => blockUses(model, layouts, (block) => graphs.get(block)!);
}

/** A job in which `states` states of each batch exist at once. */
function overTokens(
  bound: CalibratedModel,
  states: number,
  sessionsOf: (layouts: readonly Layout[]) => SessionUse[],
): Job {
  const { model } = bound;
  const embed = embedGraph(model);
  return {
    where: model.id,
    sizes: bound.engine.runSizes,
    inTokens: true,
    demandOf(tokens) {
      const layouts = layoutsOf(bound, { tokens });
      const runs = largestOf(layouts).map(({ ids }) => ({ T: ids.length }));
      const state = largestStateBytes(model, layouts);
      return {
        worker: workerBytes([...sessionsOf(layouts), { graph: embed, runs }]) + 2 * state,
        held: layoutBytes(model, layouts),
        carried: states * stateBytes(model, layouts),
        spilled: states * state,
      };
    },
  };
}
