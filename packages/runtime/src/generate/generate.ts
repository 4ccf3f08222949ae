import { throwIfAborted } from '@moepress/core';
import { mainLane } from '../engine/engine.js';
import { closing } from '../engine/scope.js';
import { fewExpertBytes } from '../few/few-plan.js';
import type { ModelRun } from '../forward/model-run.js';
import { type TokenPicker, withPicker } from './choose.js';
import { type ResidentDecoder, streamedNext } from './decoder.js';
import { Decoding, type SamplingOptions } from './decoding.js';
import type { DividedDecoder } from './divided-decoder.js';
import type { FewDecoder } from './few-decoder.js';
import { laneBytes, planLanes } from './lanes.js';
import { freeLane, openCaches, placeLane, prefill, promptBytes, withoutEnded } from './prefill.js';
import {
  capacityOf,
  type Decoders,
  type Generation,
  type Group,
  type Growing,
  openWays,
  type Way,
} from './ways.js';

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
  const { ways, decoders, fewCaches } = await openWays(generation, groups, options);
  const busy = Math.min(lanes.length, engine.workers.length);
  const stays = new Map([
    ...(decoders.few ? ([['few', engine.fewBytes]] as const) : []),
    ...(decoders.divided ? ([['divided', engine.dividedBytes]] as const) : []),
    ...(decoders.resident ? ([['resident', engine.decoderBytes]] as const) : []),
  ]);
  const held = largest * busy + fewCaches;
  const { taken, left } = promptBytes(engine, model, plans, prompts);
  // Experts are read one by one when the prompts are through, which then take only what the C library keeps.
  const isAfter = decoders.few && !decoders.few.hasBegun && groups.length === 1;
  const later = isAfter ? fewExpertBytes(model, engine.fewBytes, engine.workers.length) : 0;
  const runs = isAfter ? Math.max(left, taken - later) : taken;
  engine.reportMemory({ runs, held, stays, yielded: yieldedBytes(generation, options) }, options.progress);
  let done = 0;
  try {
    await withPicker(sessions, model, options.chooser, async (picker) => {
      for (const group of groups) {
        const report = (tokens: number) => {
          const finished = group.reduce((sum, { decoding }) => sum + decoding.finished, 0);
          options.progress?.({ type: 'advance', task, done: done + finished, note: `token ${tokens}` });
        };
        const way = ways.get(group)!;
        await generateGroup(generation, group, { report, options, picker, way, decoders });
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

/** How a group of lanes is continued. */
interface Continuing {
  report(tokens: number): void;
  readonly options: SamplingOptions;
  readonly picker: TokenPicker;
  readonly way: Way;
  readonly decoders: Decoders;
}

async function generateGroup(generation: Generation, group: Group, continuing: Continuing): Promise<void> {
  const { run, prompts } = generation;
  const { report, options, picker, way, decoders } = continuing;
  const lanes = group.map(({ lane }) => lane);
  const generateIn = async () => {
    for (const lane of lanes) await openCaches(run.model, lane);
    const first = await prefill(run, lanes, prompts, { signal: options.signal, picker });
    for (const { lane, decoding } of group) decoding.take(first.get(lane)!);
    report(1);
    switch (way) {
      case 'few': {
        const capacity = capacityOf(generation, group, options);
        return decodeFew(decoders.few!, run, group, { ...continuing, capacity });
      }
      case 'divided':
        return decodeDivided(decoders.divided!, group, continuing);
      case 'resident':
        return decodeResident(run, decoders.resident!, group, continuing);
      case 'streamed':
        return decodeStreamed(run, group, continuing);
    }
  };
  await closing(generateIn, async () => {
    for (const lane of lanes) await freeLane(run.scope, lane);
  });
}

/** All workers take all lanes to the end together. */
async function decodeFew(
  few: FewDecoder,
  { scope }: ModelRun,
  group: Group,
  { report, options, picker, capacity }: Continuing & { readonly capacity: number },
): Promise<void> {
  if (group.every(({ decoding }) => decoding.isDone)) return;
  const decode = async () => {
    await few.begin(group, capacity);
    for (const { lane } of group) await freeLane(scope, lane);
    for (let tokens = 1; group.some(({ decoding }) => !decoding.isDone); report(tokens)) {
      throwIfAborted(options.signal);
      tokens += await few.next(group, picker, options.maxNewTokens - tokens);
    }
  };
  await closing(decode, () => few.end());
}

/** All lanes take a token at a time together. */
async function decodeDivided(
  divided: DividedDecoder,
  group: Group,
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
  group: Group,
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
  group: Group,
  { report, options, picker }: Continuing,
): Promise<void> {
  let open = group.filter(({ decoding }) => !decoding.isDone);
  for (let tokens = 2; open.length > 0; tokens++) {
    await streamedNext(run, open, picker, options);
    report(tokens);
    open = await stillOpen(open);
  }
}
