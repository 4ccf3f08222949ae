import { cpus } from 'node:os';
import { devices, machineMemory } from '@moepress/runtime';
import { type WorkOptions, workOf } from '../options.js';
import { type Examination, examine, reference } from './examine.js';

export interface Machine {
  readonly system: string;
  readonly processor: string;
  readonly cores: number;
  /** Bytes. */
  readonly memory: number;
  /** Version of Node.js. */
  readonly node: string;
}

export interface Diagnosis {
  readonly machine: Machine;
  readonly devices: readonly Examination[];
}

/** Tries every device: whether it starts, whether it computes what the processor does, and what is missing. */
export async function diagnoseDevices(options: WorkOptions = {}): Promise<Diagnosis> {
  const { progress, signal } = workOf(options);
  const machine = {
    system: `${process.platform}/${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? process.arch,
    cores: cpus().length,
    memory: machineMemory(),
    node: process.versions.node,
  };
  const task = 'Trying devices';
  progress?.({ type: 'start', task, total: devices.length, unit: 'devices' });
  // The device is what is under way, and not what it computes.
  const expected = await reference({ signal });
  const examinations: Examination[] = [];
  for (const [i, device] of devices.entries()) {
    examinations.push(await examine(device, expected, { signal }));
    progress?.({ type: 'advance', task, done: i + 1, note: device });
  }
  progress?.({ type: 'end', task });
  return { machine, devices: examinations };
}
