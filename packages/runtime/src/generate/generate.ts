import { throwIfAborted } from '@moepress/core';
import { closing } from '../engine/scope.js';
import type { ModelRun } from '../forward/model-run.js';
import { mostKernelRows } from '../kernel/placement.js';
import { type TokenPicker, withPicker } from './choose.js';
import { type ResidentDecoder, streamedNext } from './decoder.js';
import { Decoding, type SamplingOptions } from './decoding.js';
import { laneBytes, type Prompts, planLanes } from './lanes.js';
import { freeLane, type Lane, openCaches, placeLane, prefill, promptBytes } from './prefill.js';

/** How a model goes from one token to the next: with all weights mapped, or one block at a time. */
export interface Generation {
  readonly run: ModelRun;
  readonly prompts: Prompts;
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
  const { run, prompts, decoder, memory } = generation;
  const { engine, model, scope, sessions } = run;
  const task = 'Generating';
  const results: number[][] = prompts.map(() => []);
  options.progress?.({ type: 'start', task, total: prompts.length, unit: 'prompts' });
  const bytes = memory / engine.workers.length;
  const plans = planLanes(engine, model, prompts, { newTokens: options.maxNewTokens, bytes });
  const lanes = plans.map(({ indices, shared, worker }, i): Growing => {
    const own = { name: `generate/${i}`, indices, shared };
    const lane = placeLane(scope, model, engine.workerFor(worker), own);
    const lengths = indices.map((index) => prompts[index]!.length);
    return { lane, decoding: new Decoding(indices, lengths, results, options) };
  });
  // Each worker has room for one lane at a time.
  const waiting = engine.workers.map((worker) => lanes.filter(({ lane }) => lane.worker === worker));
  const rounds = Math.max(0, ...waiting.map(({ length }) => length));
  const largest = Math.max(0, ...plans.map((plan) => laneBytes(model, plan, prompts, options.maxNewTokens)));
  const runs = promptBytes(engine, model, plans, prompts);
  if (decoder && engine.kernelBytes > 0 && isWorthKernel(lanes, options)) await decoder.openKernel(engine);
  const kernel = decoder?.hasKernel ? engine.kernelBytes : 0;
  const busy = Math.min(lanes.length, engine.workers.length);
  const held = largest * busy + runs + kernel + (decoder ? engine.decoderBytes : 0);
  // How many tokens there will be nobody knows.
  const yielding = new Map(plans.map(({ worker }) => [worker, Number.POSITIVE_INFINITY]));
  engine.reportMemory(held, yielding, options.progress);
  let done = 0;
  try {
    await withPicker(sessions, model, options.chooser, async (picker) => {
      for (let round = 0; round < rounds; round++) {
        const group = waiting.flatMap((queue) => queue.slice(round, round + 1));
        const report = (tokens: number) => {
          const finished = group.reduce((sum, { decoding }) => sum + decoding.finished, 0);
          options.progress?.({ type: 'advance', task, done: done + finished, note: `token ${tokens}` });
        };
        await generateGroup(generation, group, { report, options, picker });
        done += group.reduce((sum, { lane }) => sum + lane.indices.length, 0);
      }
    });
  } finally {
    options.progress?.({ type: 'end', task });
  }
  return results;
}

/** Reading the head takes as long as it saves in a dozen tokens. */
const leastKernelTokens = 64;

const isWorthKernel = (lanes: readonly Growing[], { maxNewTokens }: SamplingOptions): boolean =>
  maxNewTokens >= leastKernelTokens && lanes.some(({ lane }) => lane.indices.length <= mostKernelRows);

/** How a group of lanes is continued. */
interface Continuing {
  report(tokens: number): void;
  readonly options: SamplingOptions;
  readonly picker: TokenPicker;
}

async function generateGroup(
  { run, prompts, decoder }: Generation,
  group: readonly Growing[],
  continuing: Continuing,
): Promise<void> {
  const { report, options, picker } = continuing;
  const lanes = group.map(({ lane }) => lane);
  const generateIn = async () => {
    for (const lane of lanes) await openCaches(run.model, lane);
    const first = await prefill(run, lanes, prompts, { signal: options.signal, picker });
    for (const { lane, decoding } of group) decoding.take(first.get(lane)!);
    report(1);
    if (decoder) await decodeResident(run, decoder, group, continuing);
    else await decodeStreamed(run, group, continuing);
  };
  await closing(generateIn, async () => {
    for (const lane of lanes) await freeLane(run.scope, lane);
  });
}

/** Each worker takes its lane to the end at its own pace. */
async function decodeResident(
  { engine }: ModelRun,
  decoder: ResidentDecoder,
  group: readonly Growing[],
  { report, options: { signal }, picker }: Continuing,
): Promise<void> {
  const items = group.map((growing) => ({ ...growing, worker: growing.lane.worker }));
  await engine.spread(items, async ({ lane, decoding }) => {
    for (let tokens = 2; !decoding.isDone; tokens++) {
      throwIfAborted(signal);
      decoding.take(await decoder.next(lane, decoding, picker));
      report(tokens);
    }
  });
}

/** All lanes go through each block together, because it is mapped anew for every token. */
async function decodeStreamed(
  run: ModelRun,
  group: readonly Growing[],
  { report, options, picker }: Continuing,
): Promise<void> {
  let open = group.filter(({ decoding }) => !decoding.isDone);
  for (let tokens = 2; open.length > 0; tokens++) {
    await streamedNext(run, open, picker, options);
    report(tokens);
    open = open.filter(({ decoding }) => !decoding.isDone);
  }
}
