import { availableParallelism } from 'node:os';
import type { Block, Model, Work } from '@moepress/core';
import { productSpeed } from '@moepress/runtime';
import type { ModelSession, OpenSessionOptions } from '../session.js';
import { openSession } from '../session.js';
import { blockFlops, type Experts } from './flops.js';

/** Something that is tried on the first blocks of a model, with some tokens for each thread. */
export type Trial = (session: ModelSession, tokens: number) => Promise<unknown>;

export interface ProbeRequest extends Work {
  readonly model: Model;
  readonly compute: OpenSessionOptions;
  /** FLOPs of a token in a block, beside those of a forward pass: 3 with derivatives. */
  readonly factor?: number;
  readonly experts?: Experts;
  /** The job: tokens in all, of its sequences on average, and of a run of a lane at most. */
  readonly job: JobSize;
  /** Tokens, or what else is counted, of the smaller trial and of the larger; by default as many as take a moment. */
  readonly sizes?: Sizes;
}

export interface JobSize {
  readonly tokens: number;
  readonly length: number;
  readonly run: number;
}

interface Sizes {
  readonly few: number;
  readonly many: number;
}

/** What a trial has shown: seconds of a job by its size. */
export interface Speed {
  /** Seconds of so many tokens through the whole model; without what happens once. */
  seconds(tokens: number): number;
  /** Seconds until the engine is there, and until each block has been read for the first time. */
  readonly start: number;
}

/** Threads that each have runs of their own. */
export const lanes = Math.min(2, availableParallelism());

/** Seconds that a run with many tokens may take in a block, in a trial. */
const trialSeconds = 0.5;
const fewTokens = 64;
/** With fewer, noise would be larger than what more tokens take. */
const leastMany = 384;
const mostTokens = 16_384;

/**
 * Tries something on one block and on two, with few tokens and with more. What one block more takes, for a run and for a
 * token, is that of all blocks, by their FLOPs; the rest is what lies around them: the embedding, the head, what is opened.
 */
export async function probe(request: ProbeRequest, trial: Trial): Promise<Speed> {
  const { model, signal } = request;
  const [first, second] = sampleBlocks(model);
  const flops = (block: Block) =>
    (request.factor ?? 1) * blockFlops(model, block, request.job.length, request.experts);
  const sizes = request.sizes ?? { few: fewTokens, many: await tokensToTry(flops(first), request.job) };
  const timesOf = async (blocks: readonly Block[]): Promise<Times> => {
    // A part of the model fits where all of it does not: a trial is no reason to be refused.
    const options = { ...request.compute, residency: 'auto' as const, signal };
    const session = await openSession({ ...model, blocks }, options);
    const timed = async (tokens: number) => {
      const started = performance.now();
      await trial(session, tokens);
      return (performance.now() - started) / 1000;
    };
    try {
      return { cold: await timed(sizes.few), few: await timed(sizes.few), many: await timed(sizes.many) };
    } finally {
      await session.close();
    }
  };
  const one = await timesOf([first]);
  const two = second ? await timesOf([first, second]) : one;
  const ratio = second ? flops(second) / flops(first) : 1;
  const total = model.blocks.reduce((sum, block) => sum + flops(block), 0) / flops(first);
  return speedOf({
    one,
    two,
    ratio,
    sizes,
    blocks: total,
    run: request.job.run,
    hasTwo: second !== undefined,
  });
}

/** Seconds of a trial: the first time, again, and with many tokens. */
export interface Times {
  readonly cold: number;
  readonly few: number;
  readonly many: number;
}

export interface Trials {
  readonly one: Times;
  readonly two: Times;
  /** FLOPs of the second block, as a share of those of the first. */
  readonly ratio: number;
  /** Tokens for each lane. */
  readonly sizes: Sizes;
  /** FLOPs of all blocks, in blocks like the first. */
  readonly blocks: number;
  /** Tokens of a run of a lane at most. */
  readonly run: number;
  readonly hasTwo: boolean;
}

/** What follows from trials. Times are noisy: what comes out below nothing counts as nothing. */
export function speedOf({ one, two, ratio, sizes, blocks, run, hasTwo }: Trials): Speed {
  const more = (size: keyof Times) => (hasTwo ? above(two[size] - one[size]) / ratio : one[size]);
  const inBlock = line(more('few'), more('many'), sizes);
  const around = hasTwo
    ? line(above(one.few - more('few')), above(one.many - more('many')), sizes)
    : { fixed: 0, each: 0 };
  // Reading a block for the first time takes longer; so does the first call of an engine.
  const reading = hasTwo ? above(two.cold - two.few - (one.cold - one.few)) : 0;
  const starting = above(one.cold - one.few - reading);
  const seconds = (tokens: number) => {
    const perLane = tokens / lanes;
    // What a run takes by itself is part of the time of a token where the trial had several runs.
    const rounds = sizes.many > run ? 1 : Math.ceil(perLane / run);
    const runs = blocks * inBlock.fixed + around.fixed;
    return rounds * runs + perLane * (blocks * inBlock.each + around.each);
  };
  return { seconds, start: starting + blocks * reading };
}

const above = (seconds: number) => Math.max(0, seconds);

/** Seconds of a run, and of a token in it, by two runs. */
function line(
  atFew: number,
  atMany: number,
  { few, many }: Sizes,
): { readonly fixed: number; readonly each: number } {
  const each = (atMany - atFew) / (many - few);
  return each > 0 ? { fixed: above(atFew - each * few), each } : { fixed: 0, each: atMany / many };
}

/** As many tokens as a block goes through in a moment, and no more than the job has. */
async function tokensToTry(flops: number, { tokens }: JobSize): Promise<number> {
  const speed = await productSpeed('cpu');
  const most = Math.min(mostTokens, Math.ceil(tokens / lanes), Math.floor((trialSeconds * speed) / flops));
  return Math.max(leastMany, most);
}

/** Two blocks of the kind that takes most: those with experts, if there are any. */
function sampleBlocks({ blocks }: Model): [Block, Block | undefined] {
  const kind = ({ attention, ffn }: Block) => `${attention.kind} ${ffn.kind}`;
  const counts = new Map<string, number>();
  for (const block of blocks) counts.set(kind(block), (counts.get(kind(block)) ?? 0) + 1);
  const weight = (name: string) => (name.endsWith(' moe') ? 1e6 : 0) + counts.get(name)!;
  const [chosen] = [...counts.keys()].sort((a, b) => weight(b) - weight(a));
  const [first, second] = blocks.filter((block) => kind(block) === chosen);
  return [first!, second];
}

/** Sequences of a text for each lane, of so many ids in all and of `length` at most. */
export function laneSequences(ids: readonly number[], tokens: number, { length }: JobSize): number[][] {
  const most = Math.max(2, Math.round(length));
  const sequences: number[][] = [];
  for (let from = 0; from < lanes * tokens; from += most) {
    const size = Math.min(most, lanes * tokens - from);
    if (size > 1) sequences.push(Array.from({ length: size }, (_, i) => ids[(from + i) % ids.length]!));
  }
  return sequences;
}
