import {
  applyPlan,
  type CompressionPlan,
  type Evidence,
  type FoundMethod,
  type Model,
  measure,
  type Work,
} from '@moepress/core';
import { type CalibrationSet, Engine, planCompression } from '@moepress/runtime';
import type { Context } from '../context.js';
import { inLanes } from '../lanes.js';
import { scoresOf } from '../leaderboard/compute.js';
import { addressOf } from '../leaderboard/variant.js';
import { type Questions, scoreView } from '../scoring/local.js';
import type { Configuration } from './configuration.js';
import { type Entry, newEntry } from './entry.js';
import type { Results } from './results.js';

/** What all configurations share. */
export interface Shared {
  readonly base: Model;
  readonly method: FoundMethod;
  readonly set: CalibrationSet;
  readonly results: Results;
  readonly workers: number;
  readonly threads: number;
  /** Measured once, of everything that any configuration needs; null if none needs anything. */
  evidence(): Promise<Evidence | null>;
}

/**
 * Plans and scores the configurations that have not been, on evidence measured once for all. Entries are in the
 * order of the configurations; those that decide alike are scored once.
 */
export async function runConfigurations(
  configurations: readonly Configuration[],
  questions: Questions,
  shared: Shared,
  context: Context,
): Promise<Entry[]> {
  const { tasks, limit, numFewshot } = questions;
  const asked = addressOf({ tasks, limit, numFewshot });
  const entries = configurations.map(({ address }) => shared.results.find(address, asked));
  const open = configurations.flatMap((configuration, i) => (entries[i] ? [] : [{ configuration, i }]));
  const { progress, signal } = context.work;
  const task = tasks.length > 0 ? `Trying on ${tasks.join(', ')}` : 'Trying configurations';
  const report = () =>
    progress({ type: 'advance', task, done: entries.filter((entry) => entry !== undefined).length });
  progress({ type: 'start', task, total: configurations.length, unit: 'configurations' });
  if (open.length > 0) {
    // Before the lanes, since measuring takes all threads.
    const evidence = await shared.evidence();
    const scored = new Map<string, Promise<Entry['scores']>>();
    await inLanes(open, shared.workers, signal, async ({ configuration, i }, work) => {
      const plan = await planOne(configuration, shared, evidence, work);
      const view = applyPlan(shared.base, plan);
      const decision = addressOf(plan.layers);
      const scores = scored.get(decision) ?? scoreOne(view, questions, shared, work);
      scored.set(decision, scores);
      entries[i] = newEntry({
        configuration: configuration.address,
        asked,
        options: configuration.options as Entry['options'],
        decision,
        ...told(plan),
        parameters: measure(view).total.parameters,
        scores: await scores,
      });
      await shared.results.add(entries[i]);
      report();
    });
  }
  report();
  progress({ type: 'end', task });
  return entries.map((entry) => entry!);
}

async function planOne(
  { given }: Configuration,
  { base: model, method, set, threads }: Shared,
  evidence: Evidence | null,
  work: Work,
): Promise<CompressionPlan> {
  const engine = new Engine({ threads });
  try {
    return await planCompression(engine, {
      ...work,
      model,
      method,
      options: given,
      measure: async () => evidence!,
      calibration: async () => set,
    });
  } finally {
    await engine.dispose();
  }
}

async function scoreOne(
  view: Model,
  questions: Questions,
  { threads }: Shared,
  work: Work,
): Promise<Entry['scores']> {
  if (questions.tasks.length === 0) return {};
  const { record } = await scoreView(view, questions, { threads, answers: false }, work);
  return scoresOf(record);
}

/** What a method tells of the quality of its plan: `distance`, and by layer `error`, in its details. */
function told({ details }: CompressionPlan): Pick<Entry, 'distance' | 'error'> {
  const { distance, layers } = details as { distance?: unknown; layers?: readonly { error?: unknown }[] };
  const errors = Array.isArray(layers) ? layers.map(({ error }) => error) : [];
  const isKnown = errors.length > 0 && errors.every((error) => typeof error === 'number');
  return {
    distance: typeof distance === 'number' ? distance : null,
    error: isKnown ? (errors as number[]).reduce((sum, error) => sum + error, 0) / errors.length : null,
  };
}
