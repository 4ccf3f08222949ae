import type { Sample } from '@moepress/harness';
import { expect, it } from 'vitest';
import { sampleText } from './sample-text.js';

const sample = (more: object) =>
  ({ doc_id: 7, filter: 'none', metrics: ['acc'], acc: 1, filtered_resps: [], ...more }) as unknown as Sample;

it('shows what differs between choices: the contexts, where the continuation is one', () => {
  const shown = sampleText(
    'winogrande',
    sample({
      target: 'so the cup',
      arguments: {
        gen_args_0: { arg_0: 'so the saucer', arg_1: ' broke.' },
        gen_args_1: { arg_0: 'so the cup', arg_1: ' broke.' },
      },
      resps: [[['-3.5', 'False']], [['-1.25', 'False']]],
    }),
  );
  expect(shown.split('\n').slice(-2)).toEqual([
    '      -3.500  "so the saucer"',
    '      -1.250  "so the cup"  <- likeliest, target',
  ]);
});

it.each([
  { arguments: { gen_args_0: { arg_0: { toString: 1 } } }, resps: [[{ valueOf: 1 }]], target: '1' },
  { arguments: {}, resps: [], target: '' },
  { arguments: { gen_args_0: {} }, resps: Array(200_000).fill([['-1', 'False']]), target: 'x', acc: {} },
  { arguments: {}, resps: [[], []], filtered_resps: [[]], target: '0' },
])('shows a sample that has not what it should', (odd) => {
  expect(sampleText('task', sample(odd))).toContain('task #7');
});

it('shows the end of a long prompt, and answers line by line', () => {
  const shown = sampleText(
    'gsm8k',
    sample({
      target: '12',
      arguments: { gen_args_0: { arg_0: `${'x'.repeat(500)} How many?`, arg_1: {} } },
      resps: [['One.\nTwo.']],
      filtered_resps: ['2'],
    }),
  );
  expect(shown).toMatch(/prompt: {2}…x{390} How many\?\n {2}answer: {2}One\.\n {11}Two\.\n {2}taken: {3}2/);
});
