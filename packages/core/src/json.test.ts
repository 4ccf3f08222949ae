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

  it.each([
    ['lists', '['.repeat(100_000)],
    ['objects', '{"a":'.repeat(201)],
    ['both, closed', `${'[{"a":'.repeat(101)}1${'}]'.repeat(101)}`],
  ])('refuses %s that nest too deep', (_, text) => {
    expect(() => parseJson(text)).toThrow(/nest deeper than 200/);
  });

  it('counts no brackets in strings', () => {
    const deep = '['.repeat(300);
    expect(parseJson(JSON.stringify([deep, `\\"${deep}`, '\\']))).toEqual([deep, `\\"${deep}`, '\\']);
    expect(() => parseJson('[[1]]', { maxDepth: 1 })).toThrow(SyntaxError);
  });

  it('takes no longer than it takes to read, whatever the text', () => {
    for (const part of ['"\\"', '\\"', '"', '-', 'NaN', 'NaN ', '\\', '{"', '[']) {
      for (const begin of ['', '"', '[NaN,"']) {
        expect(() => parseJson(begin + part.repeat(200_000))).toThrow(SyntaxError);
      }
    }
  });

  it('can refuse names that are there twice, and words', () => {
    const strict = { repeatedNames: false, pythonWords: false };
    expect(parseJson('{"a": [{"b": "a"}, {"b": "b"}], "c": {"a": 1}}', strict)).toEqual({
      a: [{ b: 'a' }, { b: 'b' }],
      c: { a: 1 },
    });
    for (const text of ['{"a": 1, "a" : 2}', '[{"b": {"a": 1, "\\u0061": 2}}]', '{"a": NaN}']) {
      expect(() => parseJson(text, strict)).toThrow(SyntaxError);
    }
  });

  it('is JSON.parse for what is JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });
});
