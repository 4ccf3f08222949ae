import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatJson } from './config.js';

describe('formatJson', () => {
  it('keeps slot maps on one line', () => {
    expect(
      formatJson({
        slots: [
          [0, 1],
          [2, 3],
        ],
        names: ['a', 'b'],
        empty: [],
      }),
    ).toBe('{\n  "slots": [[0, 1], [2, 3]],\n  "names": [\n    "a",\n    "b"\n  ],\n  "empty": []\n}\n');
  });

  it('changes no value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(formatJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    const tricky = ['[\n  1,\n  2\n]', [[-1], [2, -3]], [[[4]]]];
    expect(JSON.parse(formatJson(tricky))).toEqual(tricky);
  });
});
