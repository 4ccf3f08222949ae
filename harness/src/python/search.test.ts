import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findAll, pythonRegex } from './regex.js';
import { findOptions, tightened, trimmedEnd, withoutBrackets } from './search.js';

/** Texts of the characters that matter, where everything happens soon. */
const texts = (characters: string) => fc.string({ unit: fc.constantFrom(...characters), maxLength: 24 });
const million = 1_000_000;

describe('tightened', () => {
  it.each(['()', '[]', '{}', '""', "''"])('is the regular expression, for %s', ([open = '', close = '']) => {
    const pattern = pythonRegex(`\\${open}\\s*([^\\${close}]*?)\\s*\\${close}`.replaceAll(/\\(["'])/g, '$1'));
    fc.assert(
      fc.property(texts(`${open}${close} a\n\u0085`), (text) => {
        expect(tightened(text, open, close)).toBe(text.replaceAll(pattern, `${open}$1${close}`));
      }),
    );
  });

  it('takes linear time', () => {
    for (const text of [
      '('.repeat(million),
      `(${' '.repeat(million)}`,
      '( '.repeat(million),
      '()'.repeat(million),
    ]) {
      expect(tightened(text, '(', ')').length).toBeGreaterThanOrEqual(million);
    }
  });
});

describe('withoutBrackets', () => {
  it('is the regular expression', () => {
    fc.assert(
      fc.property(texts('[]a\n'), (text) => {
        expect(withoutBrackets(text)).toBe(text.replaceAll(pythonRegex('\\[.*?\\]'), ''));
      }),
    );
  });

  it('takes linear time', () => {
    const open = '['.repeat(million);
    for (const text of [open, `${open}\n]`, `${open}\n`.repeat(2), '[\n'.repeat(million)]) {
      expect(withoutBrackets(text)).toBe(text);
    }
    expect(withoutBrackets('[]'.repeat(million))).toBe('');
  });
});

describe('findOptions', () => {
  const pattern = pythonRegex('[abcd] \\) .*?, |e \\) .*?$');
  const parts = fc.array(fc.constantFrom('a ) ', 'e ) ', ', ', ',', '\n', 'x', ' ', 'b )', 'd', ') '), {
    maxLength: 12,
  });

  it('is the regular expression', () => {
    fc.assert(
      fc.property(parts, (given) => {
        expect(findOptions(given.join(''))).toEqual(findAll(pattern, given.join('')));
      }),
    );
  });

  it('takes linear time', () => {
    expect(findOptions('a ) '.repeat(million))).toEqual([]);
    expect(findOptions(`${'e ) '.repeat(million)}\nx`)).toEqual([]);
    expect(findOptions(`${'a ) '.repeat(million)}\n, `)).toEqual([]);
  });
});

it('cuts characters off the end', () => {
  expect(trimmedEnd(' a ,, ', ' ,')).toBe(' a');
  expect(trimmedEnd(`${','.repeat(million)}x`, ',')).toHaveLength(million + 1);
  expect(trimmedEnd(', ,', ' ,')).toBe('');
});
