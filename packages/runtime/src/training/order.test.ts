import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stepOrder } from './order.js';

const drawn = (count: number, perStep: number, seed: number, steps: number, skip = 0) => {
  const order = stepOrder(count, perStep, seed, skip);
  return Array.from({ length: steps }, () => order.next().value);
};

describe('the order of sequences', () => {
  it('has each once an epoch, goes on where it was, and is told by the seed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 1000 }),
        fc.integer({ min: 0, max: 6 }),
        (count, perStep, seed, skip) => {
          const steps = drawn(count, perStep, seed, 8);
          expect(steps.every((step) => step.length === perStep)).toBe(true);
          const all = steps.flat();
          for (let at = 0; at + count <= all.length; at += count) {
            expect(all.slice(at, at + count).toSorted((a, b) => a - b)).toEqual([...Array(count).keys()]);
          }
          expect(drawn(count, perStep, seed, 8 - skip, skip)).toEqual(steps.slice(skip));
        },
      ),
    );
    expect(drawn(9, 9, 1, 1)).not.toEqual(drawn(9, 9, 2, 1));
    expect(drawn(9, 9, 1, 2)[0]).not.toEqual(drawn(9, 9, 1, 2)[1]);
  });
});
