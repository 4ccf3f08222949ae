import { expect, it } from 'vitest';
import { matchesGlob } from './glob.js';

/** What fsspec 2026 answers. */
it.each([
  ['data/*.parquet', 'data/a.parquet', true],
  ['data/*.parquet', 'data/b/a.parquet', false],
  ['*', 'a', true],
  ['*', 'a/b', false],
  ['**', 'a/b', true],
  ['a/**', 'a', false],
  ['a/**', 'a/b/c', true],
  ['**/a', 'a', true],
  ['**/a', 'x/y/a', true],
  ['**/a', 'xa', false],
  ['a/**/b', 'a/b', true],
  ['a/**/b', 'a/x/y/b', true],
  ['a/**/**/b', 'a/b', true],
  ['**/train[-._ 0-9]*', 'x/train-0.jsonl', true],
  ['**/train[-._ 0-9]*', 'x/training.jsonl', false],
  ['**/*[-._ 0-9]train[-._ 0-9]*', 'my_train.json', true],
  ['[!a]x', 'bx', true],
  ['[!a]x', 'ax', false],
  ['[]x]', ']', true],
  ['[x', '[x', true],
  ['?', 'é', true],
  ['?', 'ab', false],
  ['a.b', 'axb', false],
  ['a*b*c', 'axbxbxc', true],
  ['a*b*c', 'axbxbx', false],
  ['', '', true],
])('%s and %s: %s', (pattern, path, isMatch) => {
  expect(matchesGlob(pattern, path)).toBe(isMatch);
});

it('takes no time to speak of for patterns that are made to take it', () => {
  expect(matchesGlob(`${'*a'.repeat(40)}b`, 'a'.repeat(2000))).toBe(false);
  expect(matchesGlob(`${'**/a/'.repeat(40)}b`, 'a/'.repeat(200))).toBe(false);
});
