import { type Block, type Model, MoepressError } from '@moepress/core';
import { type DimSize, type GraphIR, peakBytes } from '@moepress/graph';
import { blockGraph } from '../decoder/block.js';
import { decodeGraph } from '../decoder/decode.js';
import { scoringHeadGraph } from '../decoder/ends.js';
import { defaultLimits } from '../forward/batches.js';
import { mostQueries } from '../forward/tiles.js';
import { decodeParts } from '../generate/decoder.js';
import { anonymousMemory, availableMemory } from './available.js';
import { carriedBytes } from './shapes.js';

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
  /** The most workers. */
  readonly workers: number;
  /** Whether all blocks may be, or have to be, open at once. */
  readonly residencies: readonly boolean[];
}

/** A share of what the machine has left, which others and the files in memory need too. */
export const defaultShare = 0.5;

export const defaultMemory = (): number => Math.floor(anonymousMemory() + availableMemory() * defaultShare);

/** What the tokenizer, requests, answers and messages may still grow by. */
const processGrowth = 96 * 2 ** 20;

/** Results that wait to be collected, in each worker. */
const uncollected = 96 * 2 ** 20;

/** What an open session takes for each node of its graph, those of branches included. */
const nodeBytes = 10 * 2 ** 10;

/** An arena is in part filled with what does not fit together. */
const arenaSlack = 1.4;

const runSizes = [defaultLimits.tokens, 1024, 512, 256] as const;

/**
 * Chooses how a model is run on the processor within `memory`: with smaller runs, then fewer workers, then one block open
 * at a time. Throws `MEMORY_EXCEEDED`, with what it takes at least, if nothing fits.
 */
export function planInference(model: Model, limits: InferenceLimits): InferencePlan {
  const { memory = defaultMemory(), workers: most, residencies } = limits;
  const before = anonymousMemory() + processGrowth;
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

export function memoryExceeded(where: string, needed: number, memory: number): MoepressError {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  return new MoepressError('MEMORY_EXCEEDED', {
    message: `This takes ${gigabytes(needed)} of memory at least, and ${gigabytes(memory)} may be used.`,
    where,
  });
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

/** Blocks whose graphs differ in what they take: of equal shapes one. */
export function distinctBlocks({ blocks }: Pick<Model, 'blocks'>): Block[] {
  const shape = ({ attention, ffn }: Block) =>
    JSON.stringify([
      attention.kind,
      attention.heads,
      attention.kvHeads,
      attention.headDim,
      ffn.kind === 'moe' ? [ffn.pool.map(({ width }) => width), ffn.slots.length] : ffn.mlp.gate.shape,
      ffn.shared?.mlp.gate.shape,
    ]);
  return [...new Map(blocks.map((block) => [shape(block), block])).values()];
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

/** Nodes of a graph, those of branches and bodies included. */
export function nodesIn(graph: Pick<GraphIR, 'nodes'>): number {
  return graph.nodes.reduce((sum, { attributes }) => {
    const inner = Object.values(attributes).filter(
      (value): value is GraphIR => typeof value === 'object' && 'nodes' in value,
    );
    return sum + 1 + inner.reduce((nodes, part) => nodes + nodesIn(part), 0);
  }, 0);
}
