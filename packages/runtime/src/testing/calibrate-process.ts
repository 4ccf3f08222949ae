/**
 * A calibration as a process of its own, to be killed: `node calibrate-process.js <job.json>`. Prints
 * its progress as NDJSON. The job is a file because ONNX Runtime crashes under long command lines.
 */
import { readFileSync } from 'node:fs';
import { gatedOutputNorms, outputGram, sequenceMaskFisher } from '@moepress/graph';
import { calibrate } from '../calibration/calibrate.js';
import { Engine } from '../engine/engine.js';
import { EvidenceStore } from '../evidence/store.js';
import { deepModel } from './deep.js';

export const measurable = {
  forward: gatedOutputNorms,
  'all-experts': outputGram,
  backward: sequenceMaskFisher,
} as const;

export interface CalibrationJob {
  readonly folder: string;
  /** How often the model's blocks are repeated. */
  readonly times: number;
  readonly sequences: readonly (readonly number[])[];
  readonly pass: keyof typeof measurable;
  readonly store: string;
  readonly memory: number;
}

const path = process.argv[2];
if (path?.endsWith('job.json')) {
  const job: CalibrationJob = JSON.parse(readFileSync(path, 'utf8'));
  const engine = new Engine({ workers: 2, threads: 2 });
  const model = await deepModel(job.folder, job.times);
  await calibrate(engine, {
    model,
    set: { source: 'job', seed: 0, sequences: job.sequences },
    statistics: [measurable[job.pass]],
    store: new EvidenceStore(job.store),
    carried: job.memory,
    progress: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
  });
  await engine.dispose();
}
