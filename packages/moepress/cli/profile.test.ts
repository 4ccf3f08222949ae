import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineSpans } from '@moepress/runtime';
import { expect, it } from 'vitest';
import { claimFile } from '../src/files/output.js';
import { TraceRecorder } from './profile.js';

interface Event {
  readonly name: string;
  readonly ph: string;
  readonly tid: number;
  readonly dur?: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

it('writes tasks, the commands of workers and predictions as a trace', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'moepress-trace-'));
  try {
    const file = join(folder, 'trace.json');
    const recorder = new TraceRecorder(await claimFile(file, 'profile', {}));
    const seen: string[] = [];
    const progress = recorder.listening(({ type }) => seen.push(type));
    progress({ type: 'start', task: 'Scoring', total: 1, unit: 'tokens' });
    engineSpans.publish({ worker: 3, kind: 'run', what: 'block.0', start: 10, end: 12.5 });
    progress({ type: 'memory', predicted: 1000 });
    progress({ type: 'end', task: 'Scoring' });
    await recorder.finish();
    await recorder.close();
    // A trace may be replaced by the next.
    await (await claimFile(file, 'profile', {})).abandon();
    engineSpans.publish({ worker: 3, kind: 'run', what: 'too late', start: 13, end: 14 });
    expect(seen).toEqual(['start', 'memory', 'end']);
    const { traceEvents } = JSON.parse(await readFile(file, 'utf8')) as { traceEvents: Event[] };
    const named = (name: string) => traceEvents.find((event) => event.name === name);
    expect(named('Scoring')).toMatchObject({ ph: 'X', tid: 0 });
    expect(named('run block.0')).toMatchObject({ ph: 'X', tid: 4, dur: 2500 });
    expect(named('predicted memory')).toMatchObject({ ph: 'C', args: { bytes: 1000 } });
    expect(traceEvents.filter(({ ph }) => ph === 'M').map(({ args }) => args!.name)).toEqual([
      'command',
      'engine worker 3',
    ]);
    expect(named('run too late')).toBeUndefined();
  } finally {
    await rm(folder, { recursive: true });
  }
});
