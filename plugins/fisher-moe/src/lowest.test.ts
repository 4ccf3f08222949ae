import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { highest, lowest } from './lowest.js';

const scored = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 30 }).chain((scores) =>
  fc.record({
    scores: fc.constant(Float64Array.from(scores)),
    candidates: fc.subarray([...scores.keys()]).map((channels) => Uint32Array.from(channels)),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
);

describe('lowest', () => {
  test('takes what a stable sort by score puts first', () => {
    fc.assert(
      fc.property(scored, ({ scores, candidates, share }) => {
        const count = Math.floor(share * candidates.length);
        const sorted = [...candidates].sort((a, b) => scores[a]! - scores[b]! || a - b);
        const expected = sorted.slice(0, count).sort((a, b) => a - b);
        expect([...lowest(scores, candidates, count)]).toEqual(expected);
      }),
    );
  });

  test('leaves what is highest', () => {
    fc.assert(
      fc.property(scored, ({ scores, candidates, share }) => {
        const count = Math.floor(share * candidates.length);
        const top = highest(scores, candidates, count);
        const rest = lowest(scores, candidates, candidates.length - count);
        expect([...top, ...rest].sort((a, b) => a - b)).toEqual([...candidates]);
        expect(top).toHaveLength(count);
      }),
    );
  });
});
