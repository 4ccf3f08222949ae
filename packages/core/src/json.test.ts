import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from './json.js';

describe('parseJson', () => {
  it.each([
    ['{"limit": [0.0, Infinity]}', { limit: [0, Number.POSITIVE_INFINITY] }],
    ['[NaN,-Infinity , {"a":NaN}]', [Number.NaN, Number.NEGATIVE_INFINITY, { a: Number.NaN }]],
    ['{"NaN": "Infinity, NaN", "a": "\\"NaN", "b": NaN}', { NaN: 'Infinity, NaN', a: '"NaN', b: Number.NaN }],
    ['NaN', Number.NaN],
  ])('reads %s as Python does', (text, value) => {
    expect(parseJson(text)).toEqual(value);
  });

  it.each(['{NaN: 1}', '[NaNs]', '[+Infinity]', '[--Infinity]', '[nan]', '[1NaN]', '{"a": NaN', ''])(
    'refuses %s',
    (text) => {
      expect(() => parseJson(text)).toThrow(SyntaxError);
    },
  );

  it('is JSON.parse for what is JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });
});
