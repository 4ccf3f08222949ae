import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layOut, rowOf } from './token-layout.js';

describe('layOut', () => {
  it('computes a prefix shared with the sequence before it once', () => {
    const answers = [
      [1, 2, 3],
      [1, 2, 4],
      [1, 2],
      [9, 2],
    ].map((ids, index) => ({ index, ids }));
    const layout = layOut(answers, { sharePrefixes: true });
    expect([...layout.ids]).toEqual([1, 2, 3, 4, 9, 2]);
    expect(layOut(answers).ids).toHaveLength(10);
  });

  it('lets each row look at its own past and nothing else', () => {
    const ids = fc.array(fc.nat({ max: 1 }), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(fc.array(ids, { minLength: 1, maxLength: 9 }), fc.boolean(), (given, sharePrefixes) => {
        const sorted = given.map((ids) => ids.join('')).sort();
        const sequences = sorted.map((text, index) => ({ index, ids: [...text].map(Number) }));
        const layout = layOut(sequences, { sharePrefixes });
        for (const [b, { ids }] of sequences.entries()) {
          for (const t of ids.keys()) {
            const row = rowOf(layout, b, t);
            const seen = [...layout.ends.keys()].filter((j) => j <= row && row < layout.ends[j]!);
            expect(seen).toEqual(Array.from({ length: t + 1 }, (_, i) => rowOf(layout, b, i)));
            expect(layout.ids[row]).toBe(ids[t]);
          }
        }
      }),
    );
  });

  it('counts positions from where a sequence stands', () => {
    const layout = layOut(
      [
        { index: 0, ids: [5] },
        { index: 1, ids: [6] },
      ],
      { starts: [7, 3] },
    );
    expect([...layout.positions]).toEqual([7, 3]);
  });
});
