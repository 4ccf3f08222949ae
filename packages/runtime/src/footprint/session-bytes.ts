import type { Block, Model } from '@moepress/core';
import { type GraphIR, outputBytes, peakParts } from '@moepress/graph';
import {
  fragmentation,
  leastMapped,
  mappedSlack,
  nodeBytes,
  threadBytes,
  uncollected,
} from '../memory/constants.js';
import { ropesOf } from '../tokens/ropes.js';
import type { Layout } from '../tokens/token-layout.js';
import { type AxisSizes, dimsOf, expertSizes, treeSizes } from './dims.js';
import { distinctBlocks, nodesIn } from './shapes.js';

/** A graph that has a session in each worker, and the sizes of the axes of its runs. */
export interface SessionUse {
  readonly graph: GraphIR;
  readonly runs: readonly AxisSizes[];
  /** The ratio between the memory for its small values and their live bytes; `fragmentation` by default. */
  readonly slack?: number | undefined;
}

/** Bytes that the largest run of a session takes, by how the C library keeps them. */
export interface Footprint {
  /**
   * Bytes of small values. They come from the C library's heap, which keeps its size for the following runs of any
   * session.
   */
  readonly heap: number;
  /** Bytes of large values, each in a separate mapping that is released together with the value. */
  readonly mapped: number;
}

/** The memory of a graph's largest run. Values sent to another thread are copied once. */
export function footprint({ graph, runs, slack = fragmentation }: SessionUse): Footprint {
  const copied = { ...graph, outputs: graph.outputs.filter(({ onDevice }) => !onDevice) };
  const each = runs.map((sizes) => {
    const dims = dimsOf(sizes);
    const { small, large } = peakParts(graph, dims, leastMapped);
    return { heap: slack * small + fragmentation * outputBytes(copied, dims), mapped: mappedSlack * large };
  });
  return largestFootprint(each);
}

/** That of the runs of several sessions one after the other. */
const largestFootprint = (of: readonly Footprint[]): Footprint => ({
  heap: Math.max(0, ...of.map(({ heap }) => heap)),
  mapped: Math.max(0, ...of.map(({ mapped }) => mapped)),
});

/** The work that a worker does. */
export interface WorkerUse {
  /** The sessions that are open in it one at a time. */
  readonly sessions: readonly SessionUse[];
  /** Those of which runs have left something in the heap. */
  readonly earlier?: readonly SessionUse[] | undefined;
  /** How many runs there are altogether; by default more than results can wait of. */
  readonly runs?: number | undefined;
}

/** Bytes of a worker that does this work, with results that wait to be collected. */
export function workerBytes(use: WorkerUse): number {
  const { sessions, earlier = [], runs = Number.POSITIVE_INFINITY } = use;
  const { heap, mapped } = largestFootprint(sessions.map(footprint));
  const left = largestFootprint(earlier.map(footprint)).heap;
  const waiting = Math.min(uncollected, runs * Math.max(1, ...sessions.map(yieldedBytes)));
  return idleBytes(sessions) + waiting + Math.max(heap, left) + mapped;
}

/** Bytes of a worker in which these sessions are open one at a time, and nothing is run. */
export const idleBytes = (sessions: readonly SessionUse[]): number =>
  threadBytes + nodeBytes * Math.max(0, ...sessions.map(({ graph }) => nodesIn(graph)));

const yieldedBytes = ({ graph, runs }: SessionUse): number =>
  Math.max(0, ...runs.map((sizes) => outputBytes(graph, dimsOf(sizes))));

/** The blocks of a model whose memory differs, with the layouts that take the most. */
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

/** Bytes that workers keep for the layouts themselves: angles, tiles, the tree. */
export function layoutBytes({ blocks, config }: Model, layouts: readonly Layout[]): number {
  const forms = new Set(blocks.map(({ attention }) => JSON.stringify(attention.kind))).size;
  const angles = ropesOf({ blocks, config }).reduce((sum, { dim }) => sum + dim, 0);
  return layouts.reduce((sum, layout) => {
    const { N, K } = treeSizes(layout, config.heads);
    return sum + layout.ids.length * (4 * angles + 64) + 4 * forms * N! * K!;
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
