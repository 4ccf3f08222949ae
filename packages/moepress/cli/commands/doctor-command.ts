import { type Diagnosis, diagnoseDevices } from '../../src/devices/diagnose-devices.js';
import type { Examination } from '../../src/devices/examine.js';
import { formatBytes } from '../../src/format.js';
import { jsonOption } from '../command-options.js';
import type { Define } from '../context.js';

export const define: Define = (command, context) =>
  command.addOption(jsonOption()).action(async () => {
    const { work, print } = await context({});
    const diagnosis = await diagnoseDevices(work);
    print(renderDevices(diagnosis), diagnosis);
  });

export function renderDevices({ machine, devices }: Diagnosis): string {
  const { system, processor, cores, memory, node } = machine;
  return [
    `${processor}, ${cores} cores, ${formatBytes(memory)} of memory, ${system}, Node.js ${node}`,
    '',
    ...devices.flatMap(lines),
  ].join('\n');
}

function lines(found: Examination): string[] {
  const name = found.device.padEnd(8);
  switch (found.state) {
    case 'works':
    case 'wrong':
      return [
        `${name}${found.state}, ${(found.speed / 1e9).toFixed(1)} GFLOP/s, self-test ${found.seconds.toFixed(1)} s, ${agreement(found.difference)}`,
        ...(found.state === 'wrong'
          ? ['          hint:  Do not use it: install another driver, or take another device.']
          : []),
      ];
    case 'missing':
      return [`${name}missing: ${found.problem}`, `          hint:  ${found.hint}`];
    default:
      return [`${name}${found.state}`];
  }
}

const agreement = (difference: number | null) =>
  difference === null
    ? 'other tokens than the processor'
    : `logits within ${difference.toExponential(0)} of the processor`;
