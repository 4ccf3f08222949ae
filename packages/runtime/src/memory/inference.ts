import type { Model } from '@moepress/core';
import { type DimSize, peakBytes } from '@moepress/graph';
import { blockGraph } from '../decoder/block.js';
import { decodeGraph } from '../decoder/decode.js';
import { scoringHeadGraph } from '../decoder/ends.js';
import { defaultLimits } from '../forward/batches.js';
import { mostQueries } from '../forward/tiles.js';
import { decodeParts } from '../generate/decoder.js';
import { anonymousMemory, defaultMemory } from './available.js';
import { arenaSlack, nodeBytes, processGrowth, uncollected } from './constants.js';
import { memoryExceeded } from './exceeded.js';
import { carriedBytes, distinctBlocks, nodesIn } from './shapes.js';

/** How a model is run so that the process stays within its memory. All sizes are bytes of anonymous memory. */
export interface InferencePlan {
  /** Of the whole process. */
  readonly memory: number;
  readonly workers: number;
  /** Packed tokens of a run. */
  readonly tokens: number;
  readonly resident: boolean;
  /** What is taken whatever is asked: by the process so far, sessions, and one run in each worker. */
  readonly fixed: number;
}

export interface InferenceLimits {
  /** Anonymous memory that the process may take; half of what the machine has left by default. */
  readonly memory?: number | undefined;
  /** Bytes that it takes without the model: what it takes now by default. */
  readonly idle?: number | undefined;
  /** The most workers. */
  readonly workers: number;
  /** Whether all blocks may be, or have to be, open at once. */
  readonly residencies: readonly boolean[];
}

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
    for (let workers = most; workers > 0; workers--) {
      for (const tokens of runSizes) {
        const fixed = before + workers * (open + uncollected + runBytes(model, tokens));
        const needed = fixed + carriedBytes(model, 2 * workers * tokens);
        if (needed <= memory) return { memory, workers, tokens, resident, fixed };
        least = Math.min(least, needed);
      }
    }
  }
  throw memoryExceeded(model.id, least, memory);
}

/** One run of a block, or of the head, with `tokens` tokens, and what comes out of it. */
export function runBytes(model: Model, tokens: number): number {
  const sizes = runDims(model, tokens);
  const blocks = distinctBlocks(model).map((block) =>
    peakBytes(blockGraph(model, block, { cache: true }), sizes),
  );
  const head = peakBytes(scoringHeadGraph(model), sizes);
  return Math.max(head, ...blocks) + 2 * carriedBytes(model, tokens);
}

/** Sizes of the axes of a run that is as large as it may be; of the experts, one that sees every token. */
export function runDims(model: Model, tokens: number): DimSize {
  const known: Readonly<Record<string, number>> = {
    T: tokens,
    P: 0,
    N: Math.ceil(tokens / mostQueries),
    Q: Math.min(tokens, mostQueries),
    K: tokens,
    R: tokens,
    heads: model.config.heads,
  };
  return (name) => known[name] ?? tokens;
}

/** Sessions of all blocks, and those that take a token through all of them. */
function residentBytes(model: Model): number {
  const parts = decodeParts(model);
  const blocks = model.blocks.map((block) => (block.ffn.kind === 'moe' ? block.ffn.pool.length : 1));
  const sample = distinctBlocks(model).map((block) => ({
    experts: block.ffn.kind === 'moe' ? block.ffn.pool.length : 1,
    nodes: nodesIn(blockGraph(model, block, { cache: true })),
  }));
  const nodesOf = (experts: number) => sample.find((known) => known.experts === experts)!.nodes;
  const nodes = blocks.reduce((sum, experts) => sum + nodesOf(experts), 0);
  const step: DimSize = (name) => ({ P: 0, C: 64 })[name] ?? 8;
  const arena = Math.max(...parts.slice(0, 2).map((part) => peakBytes(decodeGraph(model, part), step)));
  return 2 * nodes * nodeBytes + parts.length * arena * arenaSlack;
}

const streamedBytes = (model: Model): number =>
  Math.max(
    ...distinctBlocks(model).map((block) => nodesIn(blockGraph(model, block, { cache: true })) * nodeBytes),
  );
