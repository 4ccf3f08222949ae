import type { Criterion, MoeBlock } from '@moepress/core';
import { blockGraph } from '../../decoder/block.js';
import type { Job } from '../../engine/arrange.js';
import { largestOf } from '../../footprint/session-bytes.js';
import { distinctBlocks } from '../../footprint/shapes.js';
import type { CalibratedModel } from '../calibrated-model.js';
import { distanceRows } from '../distance.js';
import { graphsOf, overTokens } from '../tool-memory.js';
import { addGraph, expertGraph, replayStates, trialGraph, withoutExperts } from './replay-graphs.js';

/** The memory that replaying some layers of a model takes. */
export function replayJob(bound: CalibratedModel, wanted: readonly MoeBlock[], criterion: Criterion): Job {
  const { model } = bound;
  const { hiddenSize } = model.config;
  const up = graphsOf(model.blocks, (block) => blockGraph(model, block));
  const bare = wanted.map((block) => withoutExperts(model, block));
  const open = graphsOf(bare, (block) => blockGraph(model, block, { ffnInput: true }));
  const experts = wanted.flatMap(({ ffn }) => ffn.pool).reduce((a, b) => (b.width > a.width ? b : a));
  const expert = expertGraph(experts, model.config);
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
