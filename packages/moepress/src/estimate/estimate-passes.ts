import type { CalibrationSet, Model, Pass, Statistic } from '@moepress/core';
import { openSession } from '../session.js';
import type { EstimatedPhase } from './estimate.js';
import { foresee } from './foresee.js';
import { laneSequences, type ProbeRequest, probe } from './probe.js';

/** The passes of a calibration: their names in progress events, and what they multiply beside a forward pass. */
export const passTasks: readonly {
  readonly pass: Pass;
  readonly task: string;
  readonly factor: number;
  readonly experts: 'chosen' | 'all';
}[] = [
  { pass: 'forward', task: 'Calibrating', factor: 1, experts: 'chosen' },
  { pass: 'all-experts', task: 'Running all experts', factor: 1, experts: 'all' },
  { pass: 'backward', task: 'Differentiating', factor: 3, experts: 'chosen' },
];

/** Packed tokens of a run, where memory does not make it smaller. */
const runTokens = 2048;

export interface PassesEstimate {
  readonly phases: readonly EstimatedPhase[];
  readonly memory: number;
}

/** What measuring takes: a trial of each pass on two blocks, and the memory that the passes themselves predict. */
export async function estimatePasses(
  statistics: readonly Statistic[],
  set: CalibrationSet,
  request: Omit<ProbeRequest, 'factor' | 'experts' | 'job' | 'sizes'>,
): Promise<PassesEstimate> {
  const { model, compute, signal } = request;
  const wanted = passTasks.flatMap((one) => {
    const own = statistics.filter(({ pass }) => pass === one.pass);
    return own.length === 0 ? [] : [{ ...one, statistics: own }];
  });
  const tokens = set.sequences.reduce((sum, ids) => sum + ids.length, 0);
  const length = tokens / set.sequences.length;
  // Before trials leave garbage behind.
  let memory = 0;
  for (const { statistics: own } of wanted)
    memory = Math.max(memory, await memoryOf(own, set, { model, compute, signal }));
  const phases: EstimatedPhase[] = [];
  const text = set.sequences.slice(0, 64).flat();
  for (const { pass, task, factor, experts, statistics: own } of wanted) {
    // Backward passes take sequences one by one, the others pack them.
    const job = { tokens, length, run: pass === 'backward' ? length : runTokens };
    const speed = await probe({ ...request, factor, experts, job }, (session, perLane) => {
      const part = { ...set, counted: undefined, sequences: laneSequences(text, perLane, job) };
      return session.calibrate(part as CalibrationSet, own, { signal });
    });
    phases.push({ title: task, tasks: [task], seconds: speed.start + speed.seconds(tokens) });
  }
  return { phases, memory };
}

async function memoryOf(
  statistics: readonly Statistic[],
  set: CalibrationSet,
  { model, compute, signal }: Pick<ProbeRequest, 'model' | 'compute' | 'signal'> & { readonly model: Model },
): Promise<number> {
  const session = await openSession(model, compute);
  try {
    const { memory } = await foresee((progress) => session.calibrate(set, statistics, { progress, signal }));
    return memory;
  } finally {
    await session.close();
  }
}
