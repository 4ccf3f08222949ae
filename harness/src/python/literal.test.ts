import { expect, it } from 'vitest';
import { literalEval } from './literal.js';

it.each<[string, unknown]>([
  ["['a', \"b'c\", 'd\\n\\u00e9\\x41\\'']", ['a', "b'c", "d\né A'".replace(' ', '')]],
  ['  [1, -2.5, True, None, ]', [1, -2.5, true, null]],
  ["('a',)", ['a']],
  ["('a')", 'a'],
  ["'a' 'b'", 'ab'],
  ["{'k': [1], 2: 'x'}", { k: [1], 2: 'x' }],
  ['{}', {}],
  ['007', null],
  ['12345678901234567890', 12345678901234567890n],
  ["r'\\n'", '\\n'],
  ['[1, 2', null],
  ['f(x)', null],
  ["[premise, 'x']", null],
  ["'a\nb'", null],
  ['', null],
  ['['.repeat(5000), null],
])('evaluates %.40j', (source, expected) => {
  if (expected === null) expect(() => literalEval(source)).toThrow(SyntaxError);
  else expect(literalEval(source)).toEqual(expected);
});
