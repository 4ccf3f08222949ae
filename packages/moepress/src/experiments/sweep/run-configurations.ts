import {
  applyPlan,
  type CompressionPlan,
  type Evidence,
  type Model,
  measure,
  type Work,
} from '@moepress/core';
import type { Context } from '../../../cli/context.js';
import { type Questions, scoreView } from '../../evaluation/local-evaluation.js';
import { inLanes } from '../concurrency.js';
import { scoresOf } from '../leaderboard/compute-cell.js';
import { addressOf } from '../leaderboard/variant.js';
import type { Configuration } from './configuration.js';
import { type Entry, newEntry } from './sweep-entry.js';
import { type Planning, planTogether } from './sweep-plans.js';
import type { Results } from './sweep-results.js';

/** More would save little, and a killed sweep would plan more of them again. */
const plannedTogether = 16;

/** What all configurations share. */
export interface Shared extends Planning {
  readonly results: Results;
  /** Views scored at once, and the threads of each. */
  readonly workers: number;
  readonly threads: number;
  /** Throws `CHECKPOINT_CHANGED` if the base is no longer the one that the configurations are of. */
  checkUnchanged(): Promise<void>;
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
  // Before the lanes, since measuring and planning take all threads.
  const evidence = open.length > 0 ? await shared.evidence() : null;
  const scores = scoringOnce(questions, shared);
  for (const group of groupsOf(open, plannedTogether)) {
    const own = group.map(({ configuration }) => configuration);
    const plans = await planTogether(own, shared, evidence, { signal });
    const planned = group.map((one, at) => ({ ...one, plan: plans[at]! }));
    await inLanes(planned, shared.workers, signal, async ({ configuration, i, plan }, work) => {
      const view = applyPlan(shared.base, plan);
      const decision = addressOf(plan.layers);
      entries[i] = newEntry({
        configuration: configuration.address,
        asked,
        options: configuration.options as Entry['options'],
        decision,
        ...told(plan),
        parameters: measure(view).total.parameters,
        scores: await scores(view, decision, work),
      });
      await shared.checkUnchanged();
      await shared.results.add(entries[i]);
      report();
    });
  }
  report();
  progress({ type: 'end', task });
  return entries.map((entry) => entry!);
}

function* groupsOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}

/** Scores views; those of one decision are one, and scored once. */
function scoringOnce(questions: Questions, { threads, device }: Shared) {
  const known = new Map<string, Promise<Entry['scores']>>();
  const score = async (view: Model, work: Work): Promise<Entry['scores']> => {
    if (questions.tasks.length === 0) return {};
    const { record } = await scoreView(
      view,
      questions,
      { ...device, ...device.each, threads, answers: false },
      work,
    );
    return scoresOf(record);
  };
  return (view: Model, decision: string, work: Work): Promise<Entry['scores']> => {
    const scores = known.get(decision) ?? score(view, work);
    known.set(decision, scores);
    return scores;
  };
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
