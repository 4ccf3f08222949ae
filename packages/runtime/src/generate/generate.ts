import { type Model, throwIfAborted } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import type { BlockSessions } from '../forward/blocks.js';
import { withLogits } from './choose.js';
import { type ResidentDecoder, streamedNext } from './decoder.js';
import { Decoding } from './decoding.js';
import { laneBytes, type Prompts, planLanes } from './lanes.js';
import type { SamplingOptions } from './options.js';
import { closeCaches, type Lane, openCaches, prefill, promptBytes } from './prefill.js';

/** How a model goes from one token to the next: with all weights mapped, or one block at a time. */
export interface Generation {
  readonly engine: Engine;
  readonly model: Model;
  readonly prompts: Prompts;
  /** For the prompts. */
  readonly blocks: BlockSessions;
  /** Null: blocks are streamed. */
  readonly decoder: ResidentDecoder | null;
  /** Bytes for the keys and values of all sequences that are continued at once. */
  readonly memory: number;
}

type Growing = { readonly lane: Lane; readonly decoding: Decoding };

/**
 * Continuation of each prompt, greedy where nobody chooses. What prompts begin with alike is computed and kept once. The
 * end-of-sequence token, where one came, is the last of the new ids.
 */
export async function generate(generation: Generation, options: SamplingOptions): Promise<number[][]> {
  const { engine, model, prompts, decoder, memory } = generation;
  const task = 'Generating';
  const results: number[][] = prompts.map(() => []);
  options.progress?.({ type: 'start', task, total: prompts.length, unit: 'prompts' });
  const bytes = memory / engine.workers.length;
  const plans = planLanes(engine, model, prompts, { newTokens: options.maxNewTokens, bytes });
  const lanes = plans.map(({ indices, shared, worker }, i): Growing => {
    const lane = { name: `generate/${i}`, indices, shared, worker: engine.workerFor(worker) };
    const lengths = indices.map((index) => prompts[index]!.length);
    return { lane, decoding: new Decoding(indices, lengths, results, options) };
  });
  // Each worker has room for one lane at a time.
  const waiting = engine.workers.map((worker) => lanes.filter(({ lane }) => lane.worker === worker));
  const rounds = Math.max(0, ...waiting.map(({ length }) => length));
  const largest = Math.max(0, ...plans.map((plan) => laneBytes(model, plan, prompts, options.maxNewTokens)));
  const caches = largest * Math.min(lanes.length, engine.workers.length);
  const runs = promptBytes(engine, model, plans, prompts);
  engine.tellMemory(caches + runs + (decoder ? engine.decoderBytes : 0), options.progress);
  let done = 0;
  try {
    await withLogits(engine, model, options.chooser, async () => {
      for (let round = 0; round < rounds; round++) {
        const group = waiting.flatMap((queue) => queue.slice(round, round + 1));
        const report = (tokens: number) => {
          const finished = group.reduce((sum, { decoding }) => sum + decoding.finished, 0);
          options.progress?.({ type: 'advance', task, done: done + finished, note: `token ${tokens}` });
        };
        await generateGroup(generation, group, report, options, decoder);
        done += group.reduce((sum, { lane }) => sum + lane.indices.length, 0);
      }
    });
  } finally {
    options.progress?.({ type: 'end', task });
  }
  return results;
}

async function generateGroup(
  { engine, model, prompts, blocks }: Generation,
  group: readonly Growing[],
  report: (tokens: number) => void,
  options: SamplingOptions,
  decoder: ResidentDecoder | null,
): Promise<void> {
  try {
    for (const { lane } of group) await openCaches(model, lane);
    const lanes = group.map(({ lane }) => lane);
    const first = await prefill(engine, model, blocks, lanes, prompts, options);
    for (const { lane, decoding } of group) decoding.take(first.get(lane)!);
    report(1);
    if (decoder) await decodeResident(engine, decoder, group, report, options);
    else await decodeStreamed(engine, model, group, report, options);
  } finally {
    for (const { lane } of group) await closeCaches(model, lane);
  }
}

/** Each worker takes its lane to the end at its own pace. */
async function decodeResident(
  engine: Engine,
  decoder: ResidentDecoder,
  group: readonly Growing[],
  report: (tokens: number) => void,
  { signal, chooser }: SamplingOptions,
): Promise<void> {
  const items = group.map((growing) => ({ ...growing, worker: growing.lane.worker }));
  await engine.spread(items, async ({ lane, decoding }) => {
    for (let tokens = 2; !decoding.isDone; tokens++) {
      throwIfAborted(signal);
      decoding.take(await decoder.next(lane, decoding, chooser));
      report(tokens);
    }
  });
}

/** All lanes go through each block together, because it is mapped anew for every token. */
async function decodeStreamed(
  engine: Engine,
  model: Model,
  group: readonly Growing[],
  report: (tokens: number) => void,
  { signal, chooser }: SamplingOptions,
): Promise<void> {
  let open = group.filter(({ decoding }) => !decoding.isDone);
  for (let tokens = 2; open.length > 0; tokens++) {
    await streamedNext(engine, model, open, () => throwIfAborted(signal), chooser);
    report(tokens);
    open = open.filter(({ decoding }) => !decoding.isDone);
  }
}
