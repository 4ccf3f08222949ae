import type { Block, Model } from '@moepress/core';
import { type GraphIR, outputBytes, peakBytes } from '@moepress/graph';
import type { Layout } from '../forward/layout.js';
import { fragmentation, nodeBytes, uncollected } from './constants.js';
import { type AxisSizes, dimsOf, expertSizes, treeSizes } from './dims.js';
import { distinctBlocks, nodesIn } from './shapes.js';

/** A graph that has a session in each worker, and the sizes of the axes of its runs. */
export interface SessionUse {
  readonly graph: GraphIR;
  readonly runs: readonly AxisSizes[];
  /** How much more its runs take than what is live in them; `fragmentation` by default. */
  readonly slack?: number | undefined;
}

/** Bytes of an open session and its largest run. What a run yields is copied once for the thread it is for. */
export function sessionBytes({ graph, runs, slack = fragmentation }: SessionUse): number {
  const each = runs.map((sizes) => {
    const dims = dimsOf(sizes);
    return peakBytes(graph, dims) + outputBytes(graph, dims);
  });
  return nodesIn(graph) * nodeBytes + slack * Math.max(0, ...each);
}

/** The same of sessions that are open one at a time in a worker, with results that wait to be collected. */
export const workerBytes = (sessions: readonly SessionUse[]): number =>
  uncollected + Math.max(0, ...sessions.map(sessionBytes));

/** Of the blocks of a model, those that differ, run with the layouts that take the most. */
export function blockUses(
  model: Pick<Model, 'blocks' | 'config'>,
  layouts: readonly Layout[],
  graphOf: (block: Block) => GraphIR,
): SessionUse[] {
  const sizes = largestOf(layouts).map((layout) => treeSizes(layout, model.config.heads));
  return distinctBlocks(model).map((block) => ({
    graph: graphOf(block),
    runs: sizes.flatMap((own) => expertSizes(block, own.T!).map((experts) => ({ ...own, ...experts }))),
  }));
}

/** The layout with the most tokens, and that with the longest sequence. */
export function largestOf(layouts: readonly Layout[]): Layout[] {
  const by = (measure: (layout: Layout) => number) =>
    layouts.reduce<Layout | null>((most, one) => (!most || measure(one) > measure(most) ? one : most), null);
  const found = [by(({ ids }) => ids.length), by(({ lengths }) => Math.max(0, ...lengths))];
  return [...new Set(found)].filter((layout) => layout !== null);
}

/** Bytes of what workers hold of the layouts themselves: angles, tiles, the tree. */
export function layoutBytes({ blocks, config }: Model, layouts: readonly Layout[]): number {
  const forms = new Set(blocks.map(({ attention }) => JSON.stringify(attention.kind))).size;
  return layouts.reduce((sum, layout) => {
    const { N, K } = treeSizes(layout, config.heads);
    return sum + layout.ids.length * (4 * config.rope.dim + 64) + 4 * forms * N! * K!;
  }, 0);
}

/** Bytes of states [T, H] of all tokens. */
export const stateBytes = ({ config }: Pick<Model, 'config'>, layouts: readonly Layout[]): number =>
  4 * config.hiddenSize * tokensOf(layouts);

/** Bytes of the largest of them. */
export const largestStateBytes = ({ config }: Pick<Model, 'config'>, layouts: readonly Layout[]): number =>
  4 * config.hiddenSize * layouts.reduce((most, { ids }) => Math.max(most, ids.length), 0);

export const tokensOf = (layouts: readonly Layout[]): number =>
  layouts.reduce((sum, { ids }) => sum + ids.length, 0);
