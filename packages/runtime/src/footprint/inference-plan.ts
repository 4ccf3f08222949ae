import { anonymousMemory } from '@moepress/checkpoint';
import type { Model } from '@moepress/core';
import { type DimSize, peakBytes } from '@moepress/graph';
import { blockGraph } from '../decoder/block.js';
import { decodeGraph, decodeParts } from '../decoder/decode.js';
import { scoringHeadGraph } from '../decoder/lm-head.js';
import { defaultLimits } from '../devices/batch-limits.js';
import { kernelBytes } from '../kernel/placement.js';
import { defaultMemory } from '../memory/available.js';
import { arenaSlack, nodeBytes, processGrowth, runFragmentation, uncollected } from '../memory/constants.js';
import { memoryExceeded } from '../memory/job.js';
import { mostQueries } from '../tokens/tiles.js';
import { type AxisSizes, dimsOf } from './dims.js';
import { carriedBytes, distinctBlocks, nodesIn } from './shapes.js';

/** How a model is run so that the process stays within its memory. All sizes are bytes of anonymous memory. */
export interface InferencePlan {
  /** Bytes of the whole process. */
  readonly memory: number;
  readonly workers: number;
  /** Packed tokens of a run. */
  readonly tokens: number;
  readonly resident: boolean;
  /**
   * Bytes that are taken in any case: by the process so far, by the sessions of the blocks, and by garbage to be
   * collected.
   */
  readonly fixed: number;
  /** Bytes that generation takes in addition: sessions that take a token through all blocks. */
  readonly decoders: number;
  /** Bytes of the kernel's copy of the head, which all workers share; 0 where the kernel is not used. */
  readonly kernel: number;
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
  /** Whether all blocks may be, or must be, open at once. */
  readonly residencies: readonly boolean[];
}

/** The share of the memory for keys and values that the kernel may take. */
const kernelShare = 0.25;

const runSizes = [defaultLimits.tokens, 1024, 512, 256] as const;

/**
 * Chooses how a model is run on the processor within `memory`: with smaller runs, then fewer workers, then one block open
 * at a time. Throws `MEMORY_EXCEEDED`, with what it takes at least, if nothing fits.
 */
export function planInference(model: Model, limits: InferenceLimits): InferencePlan {
  const { memory = defaultMemory(), idle = anonymousMemory(), workers: most, residencies } = limits;
  const before = idle + processGrowth;
  let least = Number.POSITIVE_INFINITY;
  for (const resident of residencies) {
    const open = resident ? residentBytes(model) : streamedBytes(model);
    const decoder = resident ? decoderBytes(model) : 0;
    for (let workers = most; workers > 0; workers--) {
      const [fixed, decoders] = [before + workers * (open + uncollected), workers * decoder];
      for (const tokens of runSizes) {
        const rest = fixed + decoders + workers * runBytes(model, fullRun(model, tokens));
        const needed = rest + carriedBytes(model, 2 * workers * tokens);
        if (needed <= memory) {
          const copy = resident ? kernelBytes(model.head, workers) : 0;
          const kernel = copy <= (memory - needed) * kernelShare ? copy : 0;
          const carried = memory - rest - kernel;
          return { memory, workers, tokens, resident, fixed, decoders, kernel, carried };
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

/** One run of a block, with one expert that sees every token, or of the head, and what comes out of it. */
export function runBytes(model: Model, { sizes, asked }: RunSize): number {
  const { T = 0 } = sizes;
  const blocks = distinctBlocks(model).map((block) =>
    peakBytes(blockGraph(model, block, { cache: true }), dimsOf(sizes)),
  );
  const head = peakBytes(scoringHeadGraph(model), dimsOf({ T, R: asked, Q: asked }));
  return runFragmentation * Math.max(head, ...blocks) + 2 * carriedBytes(model, T);
}

/** The most that the runs of all workers take, if each has its largest run at the same time. */
export function runsBytes(model: Model, runs: readonly (RunSize & { readonly lane: number })[]): number {
  const largest = new Map<number, RunSize>();
  for (const { lane, ...run } of runs) largest.set(lane, larger(run, largest.get(lane)));
  return [...largest.values()].reduce((sum, run) => sum + runBytes(model, run), 0);
}

/** A run that is as large as either along every axis. */
function larger(a: RunSize, b: RunSize = { sizes: {}, asked: 0 }): RunSize {
  const axes = Object.keys(a.sizes).map((axis) => [axis, Math.max(a.sizes[axis] ?? 0, b.sizes[axis] ?? 0)]);
  return { sizes: Object.fromEntries(axes), asked: Math.max(a.asked, b.asked) };
}

/** Sessions of all blocks. */
function residentBytes(model: Model): number {
  const blocks = model.blocks.map((block) => (block.ffn.kind === 'moe' ? block.ffn.pool.length : 1));
  const sample = distinctBlocks(model).map((block) => ({
    experts: block.ffn.kind === 'moe' ? block.ffn.pool.length : 1,
    nodes: nodesIn(blockGraph(model, block, { cache: true })),
  }));
  const nodesOf = (experts: number) => sample.find((known) => known.experts === experts)!.nodes;
  return blocks.reduce((sum, experts) => sum + nodesOf(experts), 0) * nodeBytes;
}

/** Sessions that take a token through all blocks, and what these keep of their largest run. */
function decoderBytes(model: Model): number {
  const parts = decodeParts(model);
  const step: DimSize = (name) => ({ P: 0, C: 64 })[name] ?? 8;
  const arena = Math.max(...parts.slice(0, 2).map((part) => peakBytes(decodeGraph(model, part), step)));
  return residentBytes(model) + parts.length * arena * arenaSlack;
}

const streamedBytes = (model: Model): number =>
  Math.max(
    ...distinctBlocks(model).map((block) => nodesIn(blockGraph(model, block, { cache: true })) * nodeBytes),
  );
