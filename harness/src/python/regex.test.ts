import { describe, expect, it } from 'vitest';
import { findAll, pythonRegex } from './regex.js';

const all = (pattern: string, text: string) => findAll(pythonRegex(pattern), text);

describe('pythonRegex', () => {
  it('lets the dot match everything but newline', () => {
    expect(all('a.b', 'a\rb a\u2028b a\nb a😀b')).toEqual(['a\rb', 'a\u2028b', 'a😀b']);
  });

  it('lets the dot match newline under (?s)', () => {
    expect(all('(?s).*#', 'a\nb#c')).toEqual(['a\nb#']);
  });

  it('tries no second place for what begins with anything', () => {
    const answer = pythonRegex('(?s).*#### ');
    expect('a\n#### b\n#### 7'.replaceAll(answer, '')).toBe('7');
    expect('7'.replaceAll(answer, '')).toBe('7');
    const digits = '7'.repeat(1_000_000);
    expect(digits.replaceAll(answer, '')).toBe(digits);
  });

  it('lets $ match before a final newline', () => {
    expect('5.\n'.replace(pythonRegex('\\.$'), '')).toBe('5\n');
    expect('5.\n\n'.replace(pythonRegex('\\.$'), '')).toBe('5.\n\n');
  });

  it('keeps dot and dollar literal in a class', () => {
    expect(all('[$0-9.,]{2,}', 'a $1,000.5 x')).toEqual(['$1,000.5']);
  });

  it('knows the blanks of Python', () => {
    expect(all('\\s', '\u001c\ufeff ')).toEqual(['\u001c', ' ']);
    expect(all('[\\s-]+', 'a \u0085-b')).toEqual([' \u0085-']);
  });

  it('accepts escapes that JavaScript refuses', () => {
    expect(all('(\\-?[0-9\\.\\,]+)', 'x -1,2.5')).toEqual(['-1,2.5']);
  });
});

describe('findAll', () => {
  it('gives the whole match without groups', () => {
    expect(all('[0-9]+', '1 a 22')).toEqual(['1', '22']);
  });

  it('gives the only group', () => {
    expect(all('#(x)?', '#x #')).toEqual(['x', '']);
  });

  it('gives all groups, empty where they took no part', () => {
    expect(all('(a)|(b)', 'ab')).toEqual([
      ['a', ''],
      ['', 'b'],
    ]);
  });
});

it.each<[string, string, unknown]>([
  ['(?<=answer is )(.*)(?=.)', 'the answer is 5.', ['5']],
  ['\\b(Yes|No)\\b', 'éNo, Yes No', ['Yes', 'No']],
  ['(?i)\\bthe ', 'The x the y', ['The ', 'the ']],
  ['(?P<a>x)(?P=a)', 'xx', ['x']],
  ['[\\s\\S]', 'a\n', ['a', '\n']],
  ['[^\\W\\d]+', 'aé_9!', ['aé_']],
  ['[]a-]', 'x]-', [']', '-']],
  ['a{,2}b', 'aaab', ['aab']],
  ['{x}', '{x}', ['{x}']],
  ['[ (){}&&/|]+', 'a (){}&&/| b', [' (){}&&/| ']],
  ['(?m)^\\d$', '1\n2\n', ['1', '2']],
  ['^\\d\\Z', '1\n', []],
])('finds what %j finds in %j', (pattern, text, found) => {
  expect(findAll(pythonRegex(pattern), text)).toEqual(found);
});

it.each(['a++', '(?>a)', '(?x)a', '(?(1)a)', '[a', '\\q'])('refuses %j', (pattern) => {
  expect(() => pythonRegex(pattern)).toThrow(SyntaxError);
});
