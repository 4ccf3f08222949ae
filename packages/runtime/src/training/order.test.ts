import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stepOrder } from './order.js';

interface Drawing {
  readonly count: number;
  readonly perStep: number;
  readonly seed: number;
  readonly steps: number;
  readonly skip?: number;
}

const drawn = ({ count, perStep, seed, steps, skip = 0 }: Drawing) => {
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
          const steps = drawn({ count, perStep, seed, steps: 8 });
          expect(steps.every((step) => step.length === perStep)).toBe(true);
          const all = steps.flat();
          for (let at = 0; at + count <= all.length; at += count) {
            expect(all.slice(at, at + count).toSorted((a, b) => a - b)).toEqual([...Array(count).keys()]);
          }
          expect(drawn({ count, perStep, seed, steps: 8 - skip, skip })).toEqual(steps.slice(skip));
        },
      ),
    );
    const whole = { count: 9, perStep: 9, seed: 1, steps: 2 };
    expect(drawn(whole)).not.toEqual(drawn({ ...whole, seed: 2 }));
    expect(drawn(whole)[0]).not.toEqual(drawn(whole)[1]);
  });
});
