import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import {
  fraction,
  integer,
  list,
  methodOption,
  path,
  positive,
  templateArguments,
  threads,
  tokenOrText,
  yesOrNo,
} from './option-values.js';

describe('options take', () => {
  test.each<[string, (text: string) => unknown, string, unknown]>([
    ['a fraction', fraction, '.5', 0.5],
    ['no ratio at all', fraction, '0', 0],
    ['a share of documents', positive, '0.01', 0.01],
    ['a whole number', integer, ' 7 ', 7],
    ['a thread', threads, '1', 1],
    ['names', list, 'a, b', ['a', 'b']],
    ['a file', path, 'x', 'x'],
    ['a JSON value', methodOption, 'scope=4', { scope: 4 }],
    ['text', methodOption, 'selection=reap', { selection: 'reap' }],
    ['text with an equals sign', methodOption, 'a=b=c', { a: 'b=c' }],
    ['arguments of a template', templateArguments, 'a=false, b=low', { a: false, b: 'low' }],
    ['the same as JSON', templateArguments, '{"a": [1, 2]}', { a: [1, 2] }],
    ['yes', yesOrNo, 'True', true],
    ['no', yesOrNo, '0', false],
    ['the id of a token', tokenOrText, '151668', 151668],
    ['the text of a token', tokenOrText, '</think>', '</think>'],
  ])('%s', (_, parse, text, value) => expect(parse(text)).toEqual(value));

  test('several options of a method, the last of a name', () => {
    expect(methodOption('b=3', methodOption('b=2', methodOption('a=1')))).toEqual({ a: 1, b: 3 });
  });
});

describe('options refuse', () => {
  test.each<[string, (text: string) => unknown, readonly string[]]>([
    ['fractions', fraction, ['1', '-0.1', 'NaN', '', ' ', '50%', 'Infinity']],
    ['limits', positive, ['0', '-3', 'NaN', 'Infinity', '']],
    ['integers', integer, ['-1', '1.5', '1e3', '', '99999999999999999999']],
    ['threads', threads, ['0', '1000000']],
    ['lists', list, ['', ',', 'a,,b', 'a,']],
    ['paths', path, ['']],
    ['arguments of a template', templateArguments, ['x', '=1', '{"a"', '']],
    ['neither yes nor no', yesOrNo, ['', 'maybe']],
    ['options of a method', methodOption, ['x', '=3', 'ratio=0.5', 'seed=1']],
  ])('%s', (_, parse, texts) => {
    for (const text of texts) expect(() => parse(text), text).toThrow(InvalidArgumentError);
  });
});
