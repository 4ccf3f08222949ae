import { describe, expect, it } from 'vitest';
import { difference, examine, reference } from './examine.js';

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
