import {
  applyPlan,
  type CompressionPlan,
  type FoundMethod,
  type Model,
  measure,
  type Work,
} from '@moepress/core';
import type { SharedDevice } from '../../devices/shared-device.js';
import { evaluate, type Questions } from '../../evaluate.js';
import { planAll, plannedTogether } from '../../planning/plan-all.js';
import { withSession } from '../../session.js';
import type { Calibration } from '../../statistics/calibration.js';
import { addressOf } from '../address.js';
import { mapConcurrent } from '../concurrency.js';
import { scoresOf } from '../metric.js';
import type { Configuration } from './configuration.js';
import { type Entry, newEntry } from './sweep-entry.js';
import type { Results } from './sweep-results.js';

/** What all configurations share. */
export interface Shared {
  readonly base: Model;
  readonly method: FoundMethod;
  readonly device: SharedDevice;
  readonly results: Results;
  /** Views scored at once. */
  readonly workers: number;
  /** Measured once, of everything that any configuration needs. */
  readonly calibration: Calibration;
  /** Throws `CHECKPOINT_CHANGED` if the base is no longer the one that the configurations are of. */
  checkUnchanged(): Promise<void>;
}

/**
 * Plans and scores the configurations that have not been. Entries are in the order of the configurations; those that
 * decide alike are scored once.
 */
export async function runConfigurations(
  configurations: readonly Configuration[],
  questions: Questions,
  shared: Shared,
  work: Work,
): Promise<Entry[]> {
  const { tasks, limit, numFewshot } = questions;
  const { base, method, device, calibration } = shared;
  const asked = addressOf({ tasks, limit, numFewshot });
  const entries = configurations.map(({ address }) => shared.results.find(address, asked));
  const open = configurations.flatMap((configuration, i) => (entries[i] ? [] : [{ configuration, i }]));
  const { progress, signal } = work;
  const task = tasks.length > 0 ? `Trying on ${tasks.join(', ')}` : 'Trying configurations';
  const report = () =>
    progress?.({ type: 'advance', task, done: entries.filter((entry) => entry !== undefined).length });
  progress?.({ type: 'start', task, total: configurations.length, unit: 'configurations' });
  const scores = scoringOnce(questions, shared);
  let isMeasured = false;
  for (const group of groupsOf(open, plannedTogether)) {
    const requests = group.map(({ configuration }) => ({ method, options: configuration.given }));
    const plans = await withSession(base, { ...device.whole, signal }, async (session) => {
      // Measuring tells how far it is; planning would tell it of each configuration.
      if (!isMeasured && calibration.isNeeded) await calibration.evidence(session.engine, base, work);
      isMeasured = true;
      return planAll(session, requests, calibration, { signal });
    });
    const planned = group.map((one, at) => ({ ...one, plan: plans[at]! }));
    await mapConcurrent(
      planned,
      { workers: shared.workers, signal },
      async ({ configuration, i, plan }, own) => {
        const view = applyPlan(base, plan);
        const decision = addressOf(plan.layers);
        entries[i] = newEntry({
          configuration: configuration.address,
          asked,
          options: configuration.options as Entry['options'],
          decision,
          ...told(plan),
          parameters: measure(view).total.parameters,
          scores: await scores(view, decision, own),
        });
        await shared.checkUnchanged();
        await shared.results.add(entries[i]);
        report();
      },
    );
  }
  report();
  progress?.({ type: 'end', task });
  return entries.map((entry) => entry!);
}

function* groupsOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}

/** Scores views; those of one decision are one, and scored once. */
function scoringOnce(questions: Questions, { device }: Shared) {
  const known = new Map<string, Promise<Entry['scores']>>();
  const score = async (view: Model, { signal }: Work): Promise<Entry['scores']> => {
    if (questions.tasks.length === 0) return {};
    const { record } = await evaluate(view, { ...questions, ...device.each, cache: false, signal });
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
