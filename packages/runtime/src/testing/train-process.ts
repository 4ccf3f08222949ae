/**
 * A training run as a process of its own, to be killed: `node train-process.js <job.json>`. Prints its
 * progress as NDJSON.
 */
import { readFileSync } from 'node:fs';
import { openModel } from '@moepress/checkpoint';
import type { TrainRequest } from '@moepress/core';
import { train } from '../training/train.js';
import { requestFor } from './training.js';

export interface TrainingJob {
  readonly model: string;
  /** Folder of the runs. */
  readonly folder: string;
  readonly change: Partial<TrainRequest> & Pick<TrainRequest, 'sequences'>;
  /** The model is its own teacher, of whom so many tokens are known. */
  readonly topLogits: number | null;
}

/** What the job trains; the same wherever it is made. */
export async function requestOf({ model: path, change, topLogits }: TrainingJob): Promise<TrainRequest> {
  const model = await openModel(path);
  const request = requestFor(model, change);
  if (topLogits === null) return request;
  const loss = { kind: 'distillation', direction: 'forward', temperature: 2, hiddenStates: 0 } as const;
  return { ...request, loss: { ...loss, teacher: model, topLogits } };
}

const path = process.argv[2];
if (path?.endsWith('job.json')) {
  const job: TrainingJob = JSON.parse(readFileSync(path, 'utf8'));
  const progress: TrainRequest['progress'] = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
  await train({ threads: 2 }, { ...(await requestOf(job)), progress }, { folder: job.folder, saveEvery: 0 });
}
