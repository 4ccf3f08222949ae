import { cpus } from 'node:os';
import { devices, machineMemory } from '@moepress/runtime';
import { type Examination, examine } from '../../src/devices/examine.js';
import { reference } from '../../src/devices/self-test.js';
import type { Context } from '../context.js';
import { renderExaminations } from '../text/doctor-text.js';

/** `moepress doctor`: tries every device, and says what would make those start that do not. */
export async function doctor(context: Context): Promise<void> {
  const { work, print } = context;
  const machine = {
    system: `${process.platform}/${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? process.arch,
    cores: cpus().length,
    memory: machineMemory(),
    node: process.versions.node,
  };
  const task = 'Trying devices';
  work.progress({ type: 'start', task, total: devices.length, unit: 'devices' });
  // The device is what is under way, and not what it computes.
  const own = { signal: work.signal };
  const expected = await reference(own);
  const examinations: Examination[] = [];
  for (const [i, device] of devices.entries()) {
    examinations.push(await examine(device, expected, own));
    work.progress({ type: 'advance', task, done: i + 1, note: device });
  }
  work.progress({ type: 'end', task });
  print(renderExaminations(machine, examinations), { machine, devices: examinations });
}
