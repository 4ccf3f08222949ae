import { throwIfAborted } from '@moepress/core';
import { mainLane } from '../engine/engine.js';
import { closing } from '../engine/scope.js';
import { fewCacheBytes, fewSequences } from '../few/few-plan.js';
import type { ModelRun } from '../forward/model-run.js';
import { mostKernelRows } from '../kernel/placement.js';
import { type TokenPicker, withPicker } from './choose.js';
import { type ResidentDecoder, streamedNext } from './decoder.js';
import { Decoding, type SamplingOptions } from './decoding.js';
import { type DividedDecoder, isWorthDividing } from './divided-decoder.js';
import type { FewDecoder } from './few-decoder.js';
import { laneBytes, type Prompts, planLanes } from './lanes.js';
import { freeLane, type Lane, openCaches, placeLane, prefill, promptBytes, withoutEnded } from './prefill.js';

/** How a model goes from one token to the next: with all weights mapped, or one block at a time. */
export interface Generation {
  readonly run: ModelRun;
  readonly prompts: Prompts;
  /** Opens what takes tokens through all blocks while all are mapped; null: blocks are streamed. */
  readonly openDecoder: (() => Promise<ResidentDecoder>) | null;
  /** Opens what divides experts among the workers while all blocks are mapped; null: blocks are streamed. */
  readonly openDivided: (() => Promise<DividedDecoder>) | null;
  /** Opens what continues a few sequences, or yields it only if it is open; null where that cannot be had. */
  readonly openFew: (isWorthOpening: boolean) => Promise<FewDecoder | null>;
  /** Bytes for the keys and values of all sequences that are continued at once. */
  readonly memory: number;
}

type Growing = { readonly lane: Lane; readonly decoding: Decoding };

/**
 * Continuation of each prompt, greedy where nobody chooses. What prompts begin with alike is computed and kept once. The
 * end-of-sequence token, where one came, is the last of the new ids.
 */
export async function generate(generation: Generation, options: SamplingOptions): Promise<number[][]> {
  const { run, prompts, memory } = generation;
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
  const groups = Array.from({ length: rounds }, (_, i) => waiting.flatMap((queue) => queue.slice(i, i + 1)));
  const largest = Math.max(0, ...plans.map((plan) => laneBytes(model, plan, prompts, options.maxNewTokens)));
  const runs = promptBytes(engine, model, plans, prompts);
  const few = await openedFew(generation, groups, options);
  const isFew = (group: readonly Growing[]) => few !== null && fitsFew(generation, group, options);
  const isDivided = (group: readonly Growing[]) => !isFew(group) && dividesExperts(generation, group);
  const isApart = (group: readonly Growing[]) => !isFew(group) && !isDivided(group);
  const divided = groups.some(isDivided) ? await generation.openDivided?.() : null;
  const decoder = groups.some(isApart) ? await generation.openDecoder?.() : null;
  if (decoder && engine.kernelBytes > 0 && isWorthKernel(lanes, options)) await decoder.openKernel(engine);
  const kernel = (decoder?.hasKernel ? engine.kernelBytes : 0) + (few ? engine.fewBytes : 0);
  const fewCaches = Math.max(
    0,
    ...groups.filter(isFew).map((group) => cacheBytesOf(generation, group, options)),
  );
  const busy = Math.min(lanes.length, engine.workers.length);
  const open = (decoder ? engine.decoderBytes : 0) + (divided ? engine.dividedBytes : 0);
  const held = largest * busy + fewCaches + kernel + open;
  engine.reportMemory({ runs, held, yielded: yieldedBytes(generation, options) }, options.progress);
  let done = 0;
  try {
    await withPicker(sessions, model, options.chooser, async (picker) => {
      for (const group of groups) {
        const report = (tokens: number) => {
          const finished = group.reduce((sum, { decoding }) => sum + decoding.finished, 0);
          options.progress?.({ type: 'advance', task, done: done + finished, note: `token ${tokens}` });
        };
        const by = {
          decoder: decoder ?? null,
          few: isFew(group) ? few : null,
          divided: isDivided(group) ? (divided ?? null) : null,
        };
        await generateGroup(generation, group, { report, options, picker, ...by });
        done += group.reduce((sum, { lane }) => sum + lane.indices.length, 0);
      }
    });
  } finally {
    options.progress?.({ type: 'end', task });
  }
  return results;
}

/** Results of all workers, since they help each other; and the logits that tokens are chosen by, if any are. */
function yieldedBytes({ run: { engine, model }, prompts }: Generation, options: SamplingOptions) {
  const { vocabSize } = model.config;
  const logits = options.chooser ? 4 * vocabSize * options.maxNewTokens * prompts.length : 0;
  // How many tokens there will be nobody knows.
  const lanes = engine.workers.map((_, lane) => [lane, Number.POSITIVE_INFINITY] as const);
  return new Map([...lanes, [mainLane, logits] as const]);
}

/** Reading what all tokens meet, and the experts that they choose, takes as long as it saves in about so many tokens: of few sequences, and of many. */
const leastFewTokens = { few: 32, many: 16 };

/** Sequences that meet most experts. */
const manySequences = 8;

/** Reading the head takes as long as it saves in a dozen tokens. */
const leastKernelTokens = 64;

const isWorthKernel = (lanes: readonly Growing[], { maxNewTokens }: SamplingOptions): boolean =>
  maxNewTokens >= leastKernelTokens && lanes.some(({ lane }) => lane.indices.length <= mostKernelRows);

/** How a group of lanes is continued. */
interface Continuing {
  report(tokens: number): void;
  readonly options: SamplingOptions;
  readonly picker: TokenPicker;
  /** What takes the tokens through the model; with neither, blocks are streamed. */
  readonly decoder: ResidentDecoder | null;
  readonly few: FewDecoder | null;
  readonly divided: DividedDecoder | null;
}

/** Whether a group has so many sequences that its workers are better off with a share of the experts each. */
const dividesExperts = (
  { run: { model, engine }, openDivided }: Generation,
  group: readonly Growing[],
): boolean =>
  openDivided !== null &&
  engine.dividedBytes > 0 &&
  isWorthDividing(
    model,
    group.map(({ lane }) => lane.indices.length),
    engine,
  );

/** Opens what continues a few sequences if there are such groups, and enough tokens to make it worth its while. */
async function openedFew(
  generation: Generation,
  groups: readonly (readonly Growing[])[],
  options: SamplingOptions,
): Promise<FewDecoder | null> {
  const { maxNewTokens } = options;
  const fitting = groups.filter((group) => fitsFew(generation, group, options));
  if (fitting.length === 0) return null;
  const isMany = fitting.some((group) => sequencesIn(group) >= manySequences);
  // Streamed, every token would read all weights.
  const least = generation.openDecoder ? leastFewTokens[isMany ? 'many' : 'few'] : 2;
  return generation.openFew(maxNewTokens >= least);
}

/** Whether a group has few sequences, for whose keys and values there is room. */
function fitsFew(generation: Generation, group: readonly Growing[], options: SamplingOptions): boolean {
  const { memory, run } = generation;
  if (sequencesIn(group) > mostFew(run)) return false;
  return cacheBytesOf(generation, group, options) <= memory / 2;
}

const mostFew = ({ model, engine }: ModelRun): number =>
  fewSequences(model, engine.fewBytes, engine.workers.length);

const sequencesIn = (group: readonly Growing[]): number =>
  group.reduce((sum, { lane }) => sum + lane.indices.length, 0);

/** Tokens that the longest sequence of a group may have. */
const capacityOf = (
  { prompts }: Pick<Generation, 'prompts'>,
  group: readonly Growing[],
  { maxNewTokens }: SamplingOptions,
): number =>
  maxNewTokens +
  Math.max(...group.flatMap(({ lane }) => lane.indices.map((index) => prompts[index]!.length)));

function cacheBytesOf(generation: Generation, group: readonly Growing[], options: SamplingOptions): number {
  const { engine, model } = generation.run;
  const sizes = { sequences: sequencesIn(group), capacity: capacityOf(generation, group, options) };
  return fewCacheBytes(model, {
    ...{ ...sizes, workers: engine.workers.length },
    most: mostFew(generation.run),
  });
}

async function generateGroup(
  generation: Generation,
  group: readonly Growing[],
  continuing: Continuing,
): Promise<void> {
  const { run, prompts } = generation;
  const { report, options, picker, decoder, few, divided } = continuing;
  const lanes = group.map(({ lane }) => lane);
  const generateIn = async () => {
    for (const lane of lanes) await openCaches(run.model, lane);
    const first = await prefill(run, lanes, prompts, { signal: options.signal, picker });
    for (const { lane, decoding } of group) decoding.take(first.get(lane)!);
    report(1);
    if (few)
      await decodeFew(few, run, group, { ...continuing, capacity: capacityOf(generation, group, options) });
    else if (divided) await decodeDivided(divided, group, continuing);
    else if (decoder) await decodeResident(run, decoder, group, continuing);
    else await decodeStreamed(run, group, continuing);
  };
  await closing(generateIn, async () => {
    for (const lane of lanes) await freeLane(run.scope, lane);
  });
}

/** All workers take all lanes to the end together. */
async function decodeFew(
  few: FewDecoder,
  { scope }: ModelRun,
  group: readonly Growing[],
  { report, options: { signal }, picker, capacity }: Continuing & { readonly capacity: number },
): Promise<void> {
  if (group.every(({ decoding }) => decoding.isDone)) return;
  await few.begin(group, capacity);
  for (const { lane } of group) await freeLane(scope, lane);
  for (let tokens = 2; group.some(({ decoding }) => !decoding.isDone); tokens++) {
    throwIfAborted(signal);
    await few.next(group, picker);
    report(tokens);
  }
}

/** All lanes take a token at a time together. */
async function decodeDivided(
  divided: DividedDecoder,
  group: readonly Growing[],
  { report, options: { signal }, picker }: Continuing,
): Promise<void> {
  let open = group.filter(({ decoding }) => !decoding.isDone);
  for (let tokens = 2; open.length > 0; tokens++) {
    throwIfAborted(signal);
    await divided.next(open, picker);
    report(tokens);
    open = await stillOpen(open);
  }
}

/** The lanes that go on, without sequences that have ended where these are many. */
const stillOpen = (lanes: readonly Growing[]): Promise<Growing[]> =>
  Promise.all(
    lanes
      .filter(({ decoding }) => !decoding.isDone)
      .map(async ({ lane, decoding }) => ({ lane: await withoutEnded(lane, decoding), decoding })),
  );

/** Each worker takes its lane to the end at its own pace. */
async function decodeResident(
  { engine }: ModelRun,
  decoder: ResidentDecoder,
  group: readonly Growing[],
  { report, options: { signal }, picker }: Continuing,
): Promise<void> {
  const items = group.map((growing) => ({ ...growing, worker: growing.lane.worker }));
  await engine.spread(items, async ({ lane: all, decoding }) => {
    let lane = all;
    for (let tokens = 2; !decoding.isDone; tokens++) {
      throwIfAborted(signal);
      decoding.take(await decoder.next(lane, decoding, picker));
      report(tokens);
      lane = await withoutEnded(lane, decoding);
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
    open = await stillOpen(open);
  }
}
