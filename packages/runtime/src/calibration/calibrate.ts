import { join } from 'node:path';
import type { CalibrationSet, Evidence, Model, Pass, Statistic, Work } from '@moepress/core';
import { begin, type Job, planJobs } from '../engine/arrange.js';
import type { Engine } from '../engine/engine.js';
import type { EvidenceStore } from '../evidence/store.js';
import { sizeOf } from '../states/scratch.js';
import { Ledger } from './ledger.js';
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
  /** Where evidence outlasts the run: what it holds is not measured again, and a killed run goes on. */
  readonly store?: EvidenceStore | undefined;
  /** Bytes the hidden states may take before they move to files; what the engine's memory leaves by default. */
  readonly carried?: number | undefined;
}

/**
 * Runs the calibration set through the model, one block resident at a time, and measures the
 * statistics in every block that has what they look at, in as many passes as they need. Throws `CALIBRATION_INVALID` for an
 * empty set or ids outside the vocabulary, `WEIGHTS_NOT_FINITE` when a block yields NaN, `DISK_FULL` or
 * `WRITE_FAILED` when evidence or scratch files cannot be written, `MEMORY_EXCEEDED` before anything is computed if a pass does not
 * fit into the engine's memory, and with a store what `modelIdentity` throws, and `CHECKPOINT_CHANGED` when the weights
 * change meanwhile.
 */
export async function calibrate(
  engine: Engine,
  model: Model,
  set: CalibrationSet,
  statistics: readonly Statistic[],
  { store, carried, ...work }: CalibrateOptions = {},
): Promise<Evidence> {
  checkSet(model, set);
  const calibration = recordOf(set);
  const shelf = store
    ? await store.shelf(model, calibration, { ...work, precision: engine.precision })
    : null;
  return engine.turn(async () => {
    const ledger = await Ledger.open(model, statistics, shelf, work.progress);
    const pending = passes.filter(([pass]) => ledger.missing(pass).length > 0);
    const measure = async (scratch: string | null) => {
      const wantedBy = new Map(pending.map(([pass]) => [pass, ledger.missing(pass)]));
      const jobs: Job[] = [];
      for (const [pass] of pending) {
        const resumed = scratch === null ? null : await sizeOf(join(scratch, pass));
        const job = passJob(engine, {
          ...{ pass, model },
          sequences: set.sequences,
          statistics: wantedBy.get(pass)!,
        });
        jobs.push({ ...job, resumed: resumed ?? undefined });
      }
      const plans = planJobs(engine, jobs);
      for (const [i, [pass, run]] of pending.entries()) {
        await begin(engine, jobs[i]!, plans[i]!, work.progress);
        const wanted = wantedBy.get(pass)!;
        await engine.inScope((scope) =>
          run({
            ...work,
            ...{ engine, scope, model },
            sequences: set.sequences,
            statistics: wanted,
            storage: {
              folder: scratch && join(scratch, pass),
              memory: carried ?? engine.carriedBytes,
              giveUp: store?.giveUp,
            },
            isKnown: (block) => wanted.every((statistic) => ledger.isKnown(statistic, block)),
            done: (sums) => ledger.add(sums, wanted),
          }),
        );
      }
    };
    if (pending.length > 0) await (shelf ? shelf.withScratch(measure) : measure(null));
    else await shelf?.dropScratch();
    return { calibration, layers: ledger.layers('experts'), mlps: ledger.layers('mlps') };
  }, work.signal);
}
