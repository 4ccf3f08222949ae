import { anonymousMemory } from '@moepress/checkpoint';
import type { Block, Model } from '@moepress/core';
import { type DimSize, type GraphIR, peakBytes, peakParts } from '@moepress/graph';
import { blockGraph } from '../decoder/block.js';
import { decodeGraph, decodeParts } from '../decoder/decode.js';
import { hasExperts } from '../decoder/divided.js';
import { scoringHeadGraph } from '../decoder/lm-head.js';
import { defaultLimits, runTokensWithin } from '../devices/batch-limits.js';
import { fewBytes } from '../few/few-plan.js';
import { defaultMemory } from '../memory/available.js';
import {
  answerGrowth,
  arenaSlack,
  heapBytes,
  leastMapped,
  mappedSlack,
  nodeBytes,
  openedBlockBytes,
  processGrowth,
  runFragmentation,
  threadBytes,
  uncollected,
} from '../memory/constants.js';
import { memoryExceeded } from '../memory/job.js';
import { mostQueries } from '../tokens/tiles.js';
import { type AxisSizes, dimsOf } from './dims.js';
import type { Footprint } from './session-bytes.js';
import {
  cacheBytesPerToken,
  carriedBytes,
  distinctBlocks,
  nodesIn,
  shapeOf,
  stateBytesPerSequence,
} from './shapes.js';

/** How a model is run so that the process stays within its memory. All sizes are bytes of anonymous memory. */
export interface InferencePlan {
  /** Bytes of the whole process. */
  readonly memory: number;
  readonly workers: number;
  /** Packed tokens of a run. */
  readonly tokens: number;
  readonly resident: boolean;
  /** Bytes that are taken in any case: by the process so far, by the workers, and by the sessions of the blocks. */
  readonly fixed: number;
  /** Bytes that generation takes in addition: sessions that take a token through all blocks. */
  readonly decoders: number;
  /** Bytes of the sessions that divide experts among the workers, which generation takes too; 0: it does not divide them. */
  readonly divided: number;
  /** Bytes of weights that workers hold to continue a few sequences, see `fewBytes`; 0: they do not. */
  readonly few: number;
  /** Bytes that remain for tensors kept from run to run. */
  readonly carried: number;
}

export interface InferenceLimits {
  /** Anonymous memory that the process may take; by default half of what is free on the machine. */
  readonly memory?: number | undefined;
  /** Bytes that it takes without the model: what it takes now by default. */
  readonly idle?: number | undefined;
  /** The most workers. */
  readonly workers: number;
  /** The most packed tokens of a run, 2048 by default. */
  readonly tokens?: number | undefined;
  /** Whether all blocks may be, or must be, open at once. */
  readonly residencies: readonly boolean[];
}

/**
 * The shares of the memory for keys and values that weights for continuing a few sequences may take, and sessions that divide experts
 * among workers.
 */
const [fewShare, dividedShare] = [0.8, 0.25];

/**
 * Chooses how a model is run on the processor within `memory`: with smaller runs, then fewer workers, then one block open
 * at a time. Throws `MEMORY_EXCEEDED`, with what it takes at least, if nothing fits.
 */
export function planInference(model: Model, limits: InferenceLimits): InferencePlan {
  const { memory = defaultMemory(), idle = anonymousMemory(), workers: most, residencies } = limits;
  const sizes = runTokensWithin(limits.tokens ?? defaultLimits.tokens);
  const before = idle + processGrowth + answerGrowth + model.blocks.length * openedBlockBytes;
  const graphs = runGraphs(model);
  let least = Number.POSITIVE_INFINITY;
  for (const resident of residencies) {
    const open = resident ? residentBytes(model, graphs) : streamedBytes(graphs);
    const decoder = resident ? open + arenaBytes(model) : 0;
    for (let workers = most; workers > 0; workers--) {
      const [fixed, decoders] = [before + workers * (threadBytes + open), workers * decoder];
      for (const tokens of sizes) {
        const { heap, mapped } = runBytes(model, graphs, fullRun(model, tokens));
        const run = uncollected + heap + mapped;
        const rest = fixed + decoders + workers * run;
        const needed = rest + carriedBytes(model, 2 * workers * tokens);
        if (needed <= memory) {
          // A share of the experts in each worker, and what lies between them: no more nodes than all in one graph.
          const sessions = resident && workers > 1 && hasExperts(model) ? decoders : 0;
          const divided = sessions <= (memory - needed) * dividedShare ? sessions : 0;
          const free = memory - needed - divided;
          const few = fewBytes(model, { most: free * fewShare, workers, resident });
          const carried = memory - rest - few - divided;
          return { memory, workers, tokens, resident, fixed, decoders, divided, few, carried };
        }
        least = Math.min(least, needed);
      }
    }
  }
  throw memoryExceeded(model.id, least, memory);
}

/** A run, by the sizes of its axes, and how many of its rows go through the head. */
export interface RunSize {
  readonly sizes: AxisSizes;
  readonly asked: number;
}

/** A run of the largest allowed size. */
function fullRun({ config }: Model, tokens: number): RunSize {
  const queries = Math.min(tokens, mostQueries);
  const sizes = { T: tokens, P: 0, N: Math.ceil(tokens / queries), Q: queries, K: tokens };
  return { sizes: { ...sizes, heads: config.heads }, asked: tokens };
}

/** The graphs that texts are scored with: one of each kind of block, and the head. */
interface RunGraphs {
  readonly blocks: readonly { readonly block: Block; readonly graph: GraphIR }[];
  readonly head: GraphIR;
}

function runGraphs(model: Model): RunGraphs {
  const graphOf = (block: Block) => ({ block, graph: blockGraph(model, block, { cache: true }) });
  return { blocks: distinctBlocks(model).map(graphOf), head: scoringHeadGraph(model) };
}

/**
 * One run of a block, with one expert that sees every token, or of the head, and what comes out of it. Small values of one
 * and large ones of another add up: see `Footprint`.
 */
function runBytes(model: Model, graphs: RunGraphs, { sizes, asked }: RunSize): Footprint {
  const { T = 0 } = sizes;
  const partsOf = (graph: GraphIR, own: AxisSizes) => peakParts(graph, dimsOf(own), leastMapped, heapBytes);
  const blocks = graphs.blocks.map(({ graph }) => partsOf(graph, sizes));
  const parts = [partsOf(graphs.head, { T, R: asked, Q: asked }), ...blocks];
  const heap = runFragmentation * Math.max(...parts.map(({ small }) => small));
  const mapped = mappedSlack * Math.max(...parts.map(({ large }) => large));
  return { heap: heap + 2 * carriedBytes(model, T), mapped };
}

/** The most that the runs of all workers take, if each has its largest run at the same time. */
export function runsBytes(model: Model, runs: readonly (RunSize & { readonly lane: number })[]): Footprint {
  const largest = new Map<number, RunSize>();
  for (const { lane, ...run } of runs) largest.set(lane, larger(run, largest.get(lane)));
  const graphs = runGraphs(model);
  const each = [...largest.values()].map((run) => runBytes(model, graphs, run));
  return {
    heap: each.reduce((sum, { heap }) => sum + heap, 0),
    mapped: each.reduce((sum, { mapped }) => sum + mapped, 0),
  };
}

/** Bytes that runs of so many tokens yield in each lane: hidden states after every block, keys and values. */
export function yieldedBytes(
  model: Model,
  runs: readonly { readonly lane: number; readonly tokens: number }[],
): Map<number, number> {
  const each = (model.blocks.length + 1) * carriedBytes(model, 1) + cacheBytesPerToken(model);
  const bytes = new Map<number, number>();
  for (const { lane, tokens } of runs) bytes.set(lane, tokens * each + (bytes.get(lane) ?? 0));
  return bytes;
}

/** A run that is as large as either along every axis. */
function larger(a: RunSize, b: RunSize = { sizes: {}, asked: 0 }): RunSize {
  const axes = Object.keys(a.sizes).map((axis) => [axis, Math.max(a.sizes[axis] ?? 0, b.sizes[axis] ?? 0)]);
  return { sizes: Object.fromEntries(axes), asked: Math.max(a.asked, b.asked) };
}

/** Sessions of all blocks. */
function residentBytes(model: Model, { blocks }: RunGraphs): number {
  const nodes = new Map(blocks.map(({ block, graph }) => [shapeOf(block), nodesIn(graph)]));
  return model.blocks.reduce((sum, block) => sum + nodes.get(shapeOf(block))!, 0) * nodeBytes;
}

/** Sequences that the arenas are computed for. */
const arenaSequences = 8;

/**
 * The arenas of the sessions that take a token through all blocks: what their largest block takes, and what comes out of
 * all of their blocks. The graph of a whole part would give the same within a few percent, and takes a quarter of a second.
 */
function arenaBytes(model: Model): number {
  const step: DimSize = (name) => ({ P: 0, C: 64 })[name] ?? arenaSequences;
  const alone = distinctBlocks(model).map((block) =>
    peakBytes(decodeGraph(model, { blocks: [block], embeds: true, heads: 'apart' }), step),
  );
  const kept = decodeParts(model).map((part) => cacheBytesPerToken(part) + stateBytesPerSequence(part));
  const largest = Math.max(...alone) + arenaSequences * Math.max(...kept);
  return kept.length * largest * arenaSlack;
}

const streamedBytes = ({ blocks }: RunGraphs): number =>
  Math.max(...blocks.map(({ graph }) => nodesIn(graph) * nodeBytes));
