import type { Block, Model } from '@moepress/core';
import { embedGraph } from '../decoder/embedding.js';
import type { Job } from '../engine/arrange.js';
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
import type { Layout } from '../tokens/token-layout.js';
import { type CalibratedModel, layoutsOf } from './calibrated-model.js';

/** The sessions of blocks over some layouts. */
export type Sessions = (model: Pick<Model, 'blocks' | 'config'>, layouts: readonly Layout[]) => SessionUse[];

/** The sessions of blocks whose graphs are made once for each kind of block. */
export function graphsOf(blocks: readonly Block[], graphOf: (block: Block) => SessionUse['graph']): Sessions {
  const graphs = new Map(distinctBlocks({ blocks }).map((block) => [block, graphOf(block)]));
  return (model, layouts) => blockUses(model, layouts, (block) => graphs.get(block)!);
}

/** A job in which `states` states of each batch exist at once. */
export function overTokens(
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
      const sessions = [...sessionsOf(layouts), { graph: embed, runs }];
      return {
        worker: workerBytes({ sessions }) + 2 * state,
        idle: idleBytes(sessions),
        busy: layouts.length,
        held: layoutBytes(model, layouts),
        carried: states * stateBytes(model, layouts),
        spilled: states * state,
      };
    },
  };
}
