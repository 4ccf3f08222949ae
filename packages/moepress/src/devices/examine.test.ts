import { describe, expect, it } from 'vitest';
import { renderExaminations } from '../../cli/text/doctor-text.js';
import { type Examination, examine } from './examine.js';
import { difference, reference } from './self-test.js';

describe('examine', () => {
  it('finds that the processor computes what the processor computes', async () => {
    const found = await examine('cpu', await reference({}), {});
    expect(found).toMatchObject({ device: 'cpu', state: 'works', difference: 0 });
  });

  it('finds that a device is wrong whose answer is another', async () => {
    const { logits, continuation } = await reference({});
    const found = await examine('cpu', { logits: logits.map((x) => x + 0.01), continuation }, {});
    expect(found).toMatchObject({ state: 'wrong' });
  });

  it('tells what is missing and how to fix it, or that the device is for other systems', async () => {
    const expected = await reference({});
    const found = [await examine('coreml', expected, {}), await examine('dml', expected, {})];
    expect(found.map(({ state }) => state)).toContain('not for this system');
    const cuda = await examine('cuda', expected, {});
    if (cuda.state === 'missing') expect(cuda.hint).toContain('--onnxruntime-node-install=cuda12');
    else expect(cuda.state).toMatch(/works|not for this system/);
  });
});

describe('difference', () => {
  const answer = { logits: Float32Array.of(1, 2), continuation: [3, 4] };

  it('is the largest of the logits', () => {
    expect(difference({ ...answer, logits: Float32Array.of(1.5, 1.75) }, answer)).toBe(0.5);
  });

  it('is infinite for other tokens and for what is no number', () => {
    expect(difference({ ...answer, continuation: [3, 5] }, answer)).toBe(Number.POSITIVE_INFINITY);
    expect(difference({ ...answer, logits: Float32Array.of(Number.NaN, 2) }, answer)).toBe(
      Number.POSITIVE_INFINITY,
    );
  });
});

describe('renderExaminations', () => {
  const machine = { system: 'linux/x64', processor: 'A processor', cores: 2, memory: 8e9, node: '20.19.0' };

  it('shows a line for each device, and the hints', () => {
    const found: Examination[] = [
      { device: 'cpu', state: 'works', speed: 5e10, difference: 0, seconds: 1.5 },
      { device: 'webgpu', state: 'wrong', speed: 1e12, difference: null, seconds: 2 },
      { device: 'cuda', state: 'missing', problem: 'No library.', hint: 'Install it.' },
      { device: 'dml', state: 'not for this system' },
    ];
    expect(renderExaminations(machine, found).split('\n')).toEqual([
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
