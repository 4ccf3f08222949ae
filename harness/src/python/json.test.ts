import { sha256 } from '@moepress/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { golden, shared } from '../testing/reference.js';
import { dumps, floatRepr } from './json.js';

describe('dumps', () => {
  it("separates as Python's json does", () => {
    expect(dumps({ a: [1, 'x', null], b: { c: true } })).toBe('{"a": [1, "x", null], "b": {"c": true}}');
  });

  it('indents, keeps non-ASCII and leaves empty containers on their line', () => {
    expect(dumps({ é: [1], none: [], nothing: {} }, 2)).toBe(
      '{\n  "é": [\n    1\n  ],\n  "none": [],\n  "nothing": {}\n}',
    );
  });

  it('has words for NaN and infinity where Python is to read them', () => {
    const value = [Number.NaN, { a: Number.NEGATIVE_INFINITY }];
    expect(dumps(value)).toBe('[null, {"a": null}]');
    expect(dumps(value, undefined, { pythonWords: true })).toBe('[NaN, {"a": -Infinity}]');
  });

  it('writes JSON that means the same', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain = JSON.parse(JSON.stringify(value));
        expect(JSON.parse(dumps(value))).toEqual(plain);
        expect(JSON.parse(dumps(value, 2))).toEqual(plain);
      }),
    );
  });
});

describe('floatRepr', () => {
  it.each([
    [0, '0.0'],
    [-0, '-0.0'],
    [-20, '-20.0'],
    [0.1, '0.1'],
    [1e-4, '0.0001'],
    [1.5e-5, '1.5e-05'],
    [9007199254740992, '9007199254740992.0'],
    [1e16, '1e+16'],
    [2.5e-100, '2.5e-100'],
    [Number.NaN, 'nan'],
    [Number.NEGATIVE_INFINITY, '-inf'],
  ])('%d', (value, text) => {
    expect(floatRepr(value)).toBe(text);
  });
});

interface DocumentHash {
  kind: string;
  doc?: unknown;
  json: string;
  sha256: string;
}

describe.runIf(shared)('document hashes of lm-evaluation-harness', () => {
  it('are those of the same JSON', () => {
    const lines = golden<DocumentHash>('hashes.jsonl').filter(({ kind }) => kind === 'doc_hash');
    expect(lines.length).toBeGreaterThan(0);
    for (const { doc, json, sha256: hash } of lines) {
      expect(dumps(doc, 2)).toBe(json);
      expect(sha256(dumps(doc, 2))).toBe(hash);
    }
  });
});
