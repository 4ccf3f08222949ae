import { join } from 'node:path';
import type { CalibrationSet, Evidence, Model, Pass, Statistic, Work } from '@moepress/core';
import { begin, type Job, planJobs } from '../engine/arrange.js';
import type { Engine } from '../engine/engine.js';
import type { EvidenceStore } from '../evidence/store.js';
import { sizeOf } from '../states/scratch.js';
import { KnownStatistics } from './known-statistics.js';
import { passJob } from './pass-memory.js';
import { allExpertsPass } from './passes/all-experts-calibration.js';
import { backwardPass } from './passes/backward-calibration.js';
import { forwardPass } from './passes/forward-calibration.js';
import type { PassRequest } from './passes/pass-request.js';
import { checkSet, recordOf } from './set.js';

const passes: readonly (readonly [Pass, (request: PassRequest) => Promise<void>])[] = [
  ['forward', forwardPass],
  ['all-experts', allExpertsPass],
  ['backward', backwardPass],
];

export interface CalibrateOptions extends Work {
  /**
   * A store that keeps evidence after the run: stored evidence is not measured again, and an interrupted run can be
   * continued.
   */
  readonly store?: EvidenceStore | undefined;
  /** Bytes that the hidden states may take before they move to files; by default what the engine's memory allows. */
  readonly carried?: number | undefined;
}

export interface CalibrateRequest extends CalibrateOptions {
  readonly model: Model;
  readonly set: CalibrationSet;
  readonly statistics: readonly Statistic[];
}

/**
 * Runs the calibration set through the model, one block resident at a time, and measures the
 * statistics in every block that has what they look at, in as many passes as they need. Throws `CALIBRATION_INVALID` for an
 * empty set or ids outside the vocabulary, `WEIGHTS_NOT_FINITE` when a block yields NaN, `DISK_FULL` or
 * `WRITE_FAILED` when evidence or scratch files cannot be written, `MEMORY_EXCEEDED` before anything is computed if a pass does not
 * fit into the engine's memory, and with a store what `modelIdentity` throws, and `CHECKPOINT_CHANGED` when the weights
 * change meanwhile.
 */
export async function calibrate(engine: Engine, request: CalibrateRequest): Promise<Evidence> {
  const { model, set, statistics, store, progress, signal } = request;
  checkSet(model, set);
  const calibration = recordOf(set);
  const { precision } = engine;
  const stored = store ? await store.forModel(model, calibration, { progress, signal, precision }) : null;
  return engine.turn(async () => {
    const known = await KnownStatistics.open({ model, statistics, stored, progress });
    const pending = passes.filter(([pass]) => known.missing(pass).length > 0);
    const measure = (scratch: string | null) => runPasses(engine, request, { pending, known, scratch });
    if (pending.length > 0) await (stored ? stored.withScratch(measure) : measure(null));
    else await stored?.dropScratch();
    return {
      calibration,
      layers: known.layers('experts'),
      mlps: known.layers('mlps'),
      attention: known.layers('attention'),
    };
  }, signal);
}

interface Pending {
  readonly pending: typeof passes;
  /** The statistics that are known already, and where new ones are stored. */
  readonly known: KnownStatistics;
  /** The folder for scratch files that a killed run finds again; null: nothing outlasts the run. */
  readonly scratch: string | null;
}

async function runPasses(
  engine: Engine,
  { model, set: { sequences, counted }, store, carried, progress, signal }: CalibrateRequest,
  { pending, known, scratch }: Pending,
): Promise<void> {
  const wantedBy = new Map(pending.map(([pass]) => [pass, known.missing(pass)]));
  const jobs: Job[] = [];
  for (const [pass] of pending) {
    const resumed = scratch === null ? null : await sizeOf(join(scratch, pass));
    const job = passJob(engine, { pass, model, sequences, statistics: wantedBy.get(pass)! });
    jobs.push({ ...job, resumed: resumed ?? undefined });
  }
  const plans = planJobs(engine, jobs);
  for (const [i, [pass, run]] of pending.entries()) {
    await begin(engine, jobs[i]!, plans[i]!, progress);
    const wanted = wantedBy.get(pass)!;
    const storage = {
      folder: scratch && join(scratch, pass),
      memory: carried ?? engine.carriedBytes,
      giveUp: store?.giveUp,
    };
    await engine.inScope((scope) =>
      run({
        ...{ engine, scope, model, sequences, counted, storage, progress, signal },
        statistics: wanted,
        isKnown: (block) => wanted.every((statistic) => known.isKnown(statistic, block)),
        done: (sums) => known.add(sums, wanted),
      }),
    );
  }
}
