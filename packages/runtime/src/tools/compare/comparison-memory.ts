import type { Criterion } from '@moepress/core';
import { blockGraph } from '../../decoder/block.js';
import type { Job } from '../../engine/arrange.js';
import { largestOf } from '../../footprint/session-bytes.js';
import { comparedBlockBytes } from '../../memory/constants.js';
import type { CalibratedModel } from '../calibrated-model.js';
import { distanceRows, finalDistanceGraph } from '../distance.js';
import { graphsOf, overTokens } from '../tool-memory.js';
import { mostStates, type SharedWalk } from './shared-walk.js';

/** The memory that comparing views takes. */
export function comparisonJob(bound: CalibratedModel, walk: SharedWalk, criterion: Criterion): Job {
  const { model } = bound;
  const { hiddenSize } = model.config;
  const blocks = walk.layers.flatMap((forms) => forms.map(({ block }) => block));
  const up = graphsOf(blocks, (block) => blockGraph(model, block));
  const last = Array.from({ length: walk.counts.at(-1)! }, (_, state) => state);
  const distance = finalDistanceGraph(model, criterion, last);
  const job = overTokens(bound, mostStates(walk), (layouts) => {
    const runs = largestOf(layouts).map(({ ids }) => ({ T: ids.length, rows: distanceRows(hiddenSize) }));
    return [...up({ ...model, blocks }, layouts), { graph: distance, runs }];
  });
  const growth = comparedBlockBytes * model.blocks.length;
  return {
    ...job,
    demandOf(tokens) {
      const demand = job.demandOf(tokens);
      return { ...demand, held: demand.held + growth };
    },
  };
}
