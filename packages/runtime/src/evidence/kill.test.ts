import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createRng, type ProgressEvent } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { calibrate } from '../calibration/calibrate.js';
import { Engine } from '../engine/engine.js';
import { type CalibrationJob, measurable } from '../testing/calibrate-process.js';
import { deepModel } from '../testing/deep.js';
import { fixtures } from '../testing/golden.js';
import { inTemporaryFolder } from '../testing/temporary.js';
import { EvidenceStore } from './store.js';

const script = fileURLToPath(new URL('../testing/calibrate-process.js', import.meta.url));
const kills = 2;

/** Work that is done and was not done by an earlier run. */
const isBatch = (event: ProgressEvent) => event.type === 'advance' && event.note !== 'resumed';

/** Runs the job in a process, which is killed some milliseconds `after` so many batches of its own. */
async function runProcess(job: CalibrationJob, after?: { batches: number; milliseconds: number }) {
  const path = `${job.store}.job.json`;
  writeFileSync(path, JSON.stringify(job));
  const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<NodeJS.Signals | null>((resolve) =>
    child.on('exit', (_, signal) => resolve(signal)),
  );
  const events: ProgressEvent[] = [];
  let batches = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const event: ProgressEvent = JSON.parse(line);
    events.push(event);
    if (!isBatch(event) || ++batches !== after?.batches) continue;
    setTimeout(() => child.kill('SIGKILL'), after.milliseconds);
  }
  const resumed = events.find((event) => event.type === 'advance' && event.note === 'resumed');
  return { signal: await exited, resumedAt: resumed?.type === 'advance' ? resumed.done : 0 };
}

describe('a calibration that is killed', () => {
  it.each([
    ['forward', Number.POSITIVE_INFINITY],
    ['all-experts', Number.POSITIVE_INFINITY],
    ['backward', 0],
  ] as const)('goes on in the %s pass where it was, with the same bits (memory %d)', (pass, memory) =>
    inTemporaryFolder(async (folder) => {
      const store = join(folder, 'store');
      const golden = await fixtures[2]!.load();
      const sequences = Array.from(
        { length: pass === 'backward' ? 24 : 72 },
        (_, i) => golden.sequences[i % 3]!,
      );
      // JSON knows no infinity.
      const budget = Math.min(memory, Number.MAX_SAFE_INTEGER);
      const job: CalibrationJob = { folder: golden.model, times: 4, sequences, pass, store, memory: budget };
      const model = await deepModel(job.folder, job.times);
      const statistic = measurable[pass];
      const output = pass === 'all-experts' ? 'gram' : 'sum';
      const set = { source: 'job', seed: 0, sequences };
      const engine = new Engine({ workers: 2, threads: 2 });
      try {
        let batches = 0;
        const progress = (event: ProgressEvent) => {
          if (isBatch(event)) batches++;
        };
        const reference = await calibrate(engine, { model, set, statistics: [statistic], progress });

        const rng = createRng(7);
        const resumptions: number[] = [];
        for (let isDone = false; !isDone; ) {
          // A sixth to a third of the work: enough for some layers, too little to be done at once.
          const share = (1 + rng.next()) / 6;
          const kill = { batches: Math.ceil(batches * share), milliseconds: 3 * rng.next() };
          const { signal, resumedAt } = await runProcess(job, resumptions.length < kills ? kill : undefined);
          resumptions.push(resumedAt);
          isDone = signal === null;
        }
        expect(resumptions.length).toBeGreaterThan(1);
        expect(resumptions.at(-1)).toBeGreaterThan(0);
        expect(resumptions).toEqual(resumptions.toSorted((a, b) => a - b));

        const passes: string[] = [];
        const { layers } = await calibrate(engine, {
          model,
          set,
          statistics: [statistic],
          store: new EvidenceStore(store),
          progress: (event) => event.type === 'start' && passes.push(event.task),
        });
        expect(passes).toEqual([]);
        expect(layers.map((layer) => layer.read(statistic, output))).toEqual(
          reference.layers.map((layer) => layer.read(statistic, output)),
        );
      } finally {
        await engine.dispose();
      }
    }),
  );
});
