import { parseJson } from '@moepress/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatJson } from './json.js';

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

  it('leaves numbers written as they were, where they are the same', () => {
    const like = '{"dropout": 0.0, "eps": 1e-06, "n": 3, "deep": [{"factor": 40.0}], "text": "1.0 \\" 2.0"}';
    const value = { ...JSON.parse(like), n: 4, added: 0.5 };
    const lines = formatJson(value, like)
      .split('\n')
      .map((line) => line.trim());
    for (const line of ['"dropout": 0.0,', '"eps": 1e-06,', '"n": 4,', '"factor": 40.0', '"added": 0.5']) {
      expect(lines).toContain(line);
    }
    expect(JSON.parse(formatJson(value, like))).toEqual(value);
    expect(formatJson({ dropout: 1 }, like)).toBe('{\n  "dropout": 1\n}\n');
  });

  it('leaves NaN and Infinity as Python writes them', () => {
    const like = '{"limit": [0.0, Infinity], "low": -Infinity, "none": NaN, "text": "NaN"}';
    const value = parseJson(like);
    const written = formatJson(value, like);
    expect(parseJson(written)).toEqual(value);
    expect(written).toContain('"low": -Infinity,');
  });

  it('changes no value, whatever it is like', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.json(), (value, like) => {
        expect(JSON.parse(formatJson(value, like))).toEqual(JSON.parse(JSON.stringify(value)));
        expect(JSON.parse(formatJson(JSON.parse(like), like))).toEqual(JSON.parse(like));
      }),
    );
  });
});
