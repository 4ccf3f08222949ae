import type { Examination } from '../../src/devices/examine.js';
import { formatBytes } from '../../src/format.js';

export interface Machine {
  readonly system: string;
  readonly processor: string;
  readonly cores: number;
  /** Bytes. */
  readonly memory: number;
  readonly node: string;
}

export function renderExaminations(machine: Machine, examinations: readonly Examination[]): string {
  const { system, processor, cores, memory, node } = machine;
  return [
    `${processor}, ${cores} cores, ${formatBytes(memory)} of memory, ${system}, Node.js ${node}`,
    '',
    ...examinations.flatMap(lines),
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
