import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { decodeFloat32 } from '@moepress/checkpoint';
import { createRng, type ProgressEvent, type TrainResult } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { fixtures } from '../testing/golden.js';
import { inTemporaryFolder } from '../testing/temporary.js';
import { requestOf, type TrainingJob } from '../testing/train-process.js';
import { train } from './train.js';

const script = fileURLToPath(new URL('../testing/train-process.js', import.meta.url));
const kills = 4;

/** A step, or a batch of the teacher's, that this process has done. */
const isWork = (event: ProgressEvent) => event.type === 'advance' && event.note !== 'resumed';

/** Runs the job in a process, which is killed some milliseconds `after` so many steps of its own. */
async function runProcess(job: TrainingJob, after?: { work: number; milliseconds: number }) {
  const path = `${job.folder}.job.json`;
  writeFileSync(path, JSON.stringify(job));
  const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<NodeJS.Signals | null>((resolve) =>
    child.on('exit', (_, signal) => resolve(signal)),
  );
  const events: ProgressEvent[] = [];
  let work = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const event: ProgressEvent = JSON.parse(line);
    events.push(event);
    if (!isWork(event) || ++work !== after?.work) continue;
    setTimeout(() => child.kill('SIGKILL'), after.milliseconds);
  }
  const resumed = events.find((event) => event.type === 'advance' && event.note === 'resumed');
  return { signal: await exited, resumedAt: resumed?.type === 'advance' ? resumed.done : 0 };
}

const valuesOf = ({ tensors }: TrainResult) =>
  Promise.all([...tensors].map(async ([path, tensor]) => [path, await decodeFloat32(tensor)] as const));

describe('a training run that is killed', () => {
  it.each([6])('goes on where it was, with the same bits (%s tokens of a teacher)', (topLogits) =>
    inTemporaryFolder(async (folder) => {
      const golden = await fixtures[1]!.load();
      const [a, b, c] = golden.sequences.map((ids) => ({ ids, from: 2 }));
      const change = {
        sequences: [a!, b!, c!, { ids: a!.ids.slice(9), from: 1 }, { ids: b!.ids.slice(5), from: 4 }],
        validation: [{ ids: c!.ids.slice(3), from: 1 }],
        steps: 24,
        sequencesPerStep: 2,
        evaluateEvery: 3,
        schedule: { kind: 'cosine', warmup: 0.2, final: 0.1 },
      } as const;
      const job: TrainingJob = { model: golden.model, folder: join(folder, 'runs'), change, topLogits };
      const request = await requestOf(job);
      const reference = await train({ threads: 2 }, request, { folder: join(folder, 'reference') });

      const rng = createRng(7);
      const resumptions: number[] = [];
      for (let isDone = false; !isDone; ) {
        const kill = { work: 2 + Math.floor(4 * rng.next()), milliseconds: 20 * rng.next() };
        const { signal, resumedAt } = await runProcess(job, resumptions.length < kills ? kill : undefined);
        resumptions.push(resumedAt);
        isDone = signal === null;
      }
      expect(resumptions.length).toBeGreaterThan(1);
      expect(resumptions.at(-1)).toBeGreaterThan(0);
      expect(resumptions).toEqual(resumptions.toSorted((x, y) => x - y));

      const tasks: string[] = [];
      const progress = (event: ProgressEvent) => event.type === 'start' && tasks.push(event.task);
      const resumed = await train({ threads: 2 }, { ...request, progress }, { folder: job.folder });
      expect(tasks).toEqual([]);
      expect(resumed.curve).toEqual(reference.curve);
      expect(resumed.step).toBe(reference.step);
      expect(await valuesOf(resumed)).toEqual(await valuesOf(reference));
    }),
  );
});
