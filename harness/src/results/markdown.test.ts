import { expect, it } from 'vitest';
import { markdownTable } from './markdown.js';

it('drops decimals that no number of the column needs', () => {
  expect(
    markdownTable(
      ['a', 'value'],
      [
        ['x', 0.2],
        ['y', 0.70001],
      ],
    ),
  ).toBe('| a |value|\n|---|----:|\n|x  |  0.2|\n|y  |  0.7|\n');
});

it('keeps at most four decimals, the same for all', () => {
  expect(markdownTable(['v'], [[128.11379], [0.5]])).toBe('|   v    |\n|-------:|\n|128.1138|\n|  0.5000|\n');
});

it('aligns a column left as soon as it holds a text', () => {
  expect(markdownTable(['Stderr'], [[0.25], ['   N/A']])).toBe('|Stderr|\n|------|\n|0.25  |\n|   N/A|\n');
});

it('leaves gaps in a column of numbers', () => {
  expect(markdownTable(['Version'], [[3], ['']])).toBe('|Version|\n|------:|\n|      3|\n|       |\n');
});
