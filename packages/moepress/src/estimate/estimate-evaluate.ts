import { anonymousMemory } from '@moepress/checkpoint';
import { type Model, measure } from '@moepress/core';
import { machineMemory } from '@moepress/runtime';
import type { EvaluateOptions } from '../evaluate.js';
import { type ModelInput, resolveModel } from '../models/open-model.js';
import { workOf } from '../options.js';
import { openSession } from '../session.js';
import { type Asked, askedOf } from './asked.js';
import { type Estimate, type EstimatedPhase, estimateOf } from './estimate.js';
import { foresee } from './foresee.js';
import { laneSequences, lanes, probe } from './probe.js';

/** Packed tokens of a run, where memory does not make it smaller. */
const runTokens = 2048;
/** Prompts that are continued together in a trial, in each lane. */
const together = 32;
/** Tokens of these prompts. */
const shortPrompt = 8;

/**
 * What scoring a model on tasks takes, by a trial of some seconds on two of its blocks. All questions are read and tokenised;
 * answers that the cache knows are not taken into account, and texts count with as many tokens as they may have. Throws what
 * `evaluate` throws before it computes. For models that run here alone.
 */
export async function estimateEvaluate(model: ModelInput, options: EvaluateOptions): Promise<Estimate> {
  const work = workOf(options);
  const opened = await resolveModel(model, options);
  const started = performance.now();
  const asked = await askedOf(opened, options);
  const preparing = (performance.now() - started) / 1000;
  const phases: EstimatedPhase[] = [
    { title: 'Preparing prompts', tasks: ['Preparing prompts', 'Hashing*', 'Asking*'], seconds: preparing },
  ];
  const foreseen = await foreseeAsked(opened, asked, options);
  const residency = residencyOf(opened);
  const request = { model: opened, compute: { ...options, residency }, ...work };
  const compared = options.against === undefined ? 1 : 2;
  if (asked.scored.length > 0) {
    const seconds = await scoring(asked, foreseen.tokens, request);
    phases.push({ title: 'Scoring', tasks: ['Scoring'], seconds: compared * seconds });
  }
  if (asked.prompts.length > 0) {
    phases.push({ title: 'Generating', tasks: ['Generating'], seconds: await generating(asked, request) });
  }
  const notes = [
    ...(asked.prompts.length > 0
      ? ['Texts are taken to become as long as they may: it is less if they end before.']
      : []),
    ...(compared > 1 ? ['The original is taken to be as fast as the model itself.'] : []),
  ];
  return estimateOf(phases, { memory: foreseen.memory, notes });
}

/** As the runner decides: a model that takes more than this share of memory goes through it block by block. */
const residencyOf = (model: Model) =>
  measure(model).total.bytes < 0.6 * machineMemory() ? ('resident' as const) : ('streamed' as const);

/** Memory as the runner predicts it, and how many tokens are scored where prefixes that are shared count once. */
async function foreseeAsked(model: Model, { scored, prompts }: Asked, options: EvaluateOptions) {
  const { signal } = options;
  const session = await openSession(model, { ...options, plan: undefined });
  let [memory, tokens] = [anonymousMemory(), 0];
  try {
    if (scored.length > 0) {
      const runner = await session.ready();
      const found = await foresee((progress) => runner.score(scored, { progress, signal }));
      [memory, tokens] = [Math.max(memory, found.memory), found.total];
    }
    if (prompts.length > 0) {
      const runner = await session.ready();
      const maxNewTokens = Math.max(...prompts.map(({ newTokens }) => newTokens));
      const ids = prompts.map((prompt) => [...prompt.ids]);
      const found = await foresee((progress) =>
        runner.generate(ids, { maxNewTokens, eosTokenIds: [], progress, signal }),
      );
      memory = Math.max(memory, found.memory);
    }
    return { memory, tokens };
  } finally {
    await session.close();
  }
}

type Request = Omit<Parameters<typeof probe>[0], 'job'>;

async function scoring({ scored }: Asked, tokens: number, request: Request): Promise<number> {
  const all = scored.reduce((sum, { ids }) => sum + ids.length, 0);
  const asked = scored.reduce((sum, { ids, from }) => sum + ids.length - from, 0) / tokens;
  const text = scored.slice(0, 64).flatMap(({ ids }) => ids);
  const job = { tokens, length: all / scored.length, run: runTokens };
  const speed = await probe({ ...request, job }, (session, perLane) => {
    const items = laneSequences(text, perLane, job).map((ids) => {
      const from = Math.round(ids.length * (1 - Math.min(1, asked)));
      return { ids, from: Math.max(1, Math.min(from, ids.length - 1)) };
    });
    return session.score(items, { signal: request.signal });
  });
  return speed.start + speed.seconds(tokens);
}

/** Prompts go through the model as texts do; then each token of all sequences that are continued together takes a step. */
async function generating({ prompts }: Asked, request: Request): Promise<number> {
  const tokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
  const job = { tokens, length: tokens / prompts.length, run: runTokens };
  const text = prompts.slice(0, 64).flatMap(({ ids }) => ids);
  const { signal } = request;
  const begin = await probe({ ...request, job }, (session, perLane) =>
    session.generate(laneSequences(text, perLane, job), { maxNewTokens: 1, eosTokenIds: [], signal }),
  );
  const size = Math.min(together, Math.ceil(prompts.length / lanes));
  const short = Array.from({ length: size * lanes }, (_, i) => text.slice(i, i + shortPrompt));
  // In place of tokens, this trial has steps.
  const step = await probe(
    { ...request, job: { ...job, run: 1 }, sizes: { few: 2, many: 6 } },
    (session, maxNewTokens) => session.generate(short, { maxNewTokens, eosTokenIds: [], signal }),
  );
  const groups = Math.ceil(prompts.length / short.length);
  const steps = Math.max(...prompts.map(({ newTokens }) => newTokens));
  return begin.start + begin.seconds(tokens) + groups * step.seconds(steps * lanes);
}
