import { describe, expect, it } from 'vitest';
import type { Examination } from '../../src/devices/examine.js';
import { renderDevices } from '../commands/doctor-command.js';

describe('renderDevices', () => {
  const machine = { system: 'linux/x64', processor: 'A processor', cores: 2, memory: 8e9, node: '20.19.0' };

  it('shows a line for each device, and the hints', () => {
    const devices: Examination[] = [
      { device: 'cpu', state: 'works', speed: 5e10, difference: 0, seconds: 1.5 },
      { device: 'webgpu', state: 'wrong', speed: 1e12, difference: null, seconds: 2 },
      { device: 'cuda', state: 'missing', problem: 'No library.', hint: 'Install it.' },
      { device: 'dml', state: 'not for this system' },
    ];
    expect(renderDevices({ machine, devices }).split('\n')).toEqual([
      'A processor, 2 cores, 8.00 GB of memory, linux/x64, Node.js 20.19.0',
      '',
      'cpu     works, 50.0 GFLOP/s, self-test 1.5 s, logits within 0e+0 of the processor',
      'webgpu  wrong, 1000.0 GFLOP/s, self-test 2.0 s, other tokens than the processor',
      '          hint:  Do not use it: install another driver, or take another device.',
      'cuda    missing: No library.',
      '          hint:  Install it.',
      'dml     not for this system',
    ]);
  });
});
