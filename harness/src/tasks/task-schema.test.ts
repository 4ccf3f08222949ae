import { expect, it } from 'vitest';
import { z } from 'zod';
import { defineTask } from './task-schema.js';
import { computed, template } from './template.js';

const definition = {
  task: 'parity',
  dataset_path: 'someone/parity',
  output_type: 'multiple_choice' as const,
  test_split: 'test',
  row: z.object({ n: z.int() }),
  doc_to_text: template('Is {{n}} even?\nAnswer:'),
  doc_to_target: computed('{{n % 2}}', ({ n }: { n: number }) => n % 2),
  doc_to_choice: computed("{{['yes', 'no']}}", () => ['yes', 'no']),
  metric_list: [{ metric: 'acc' as const, aggregation: 'mean' as const, higher_is_better: true as const }],
  metadata: { version: 1 },
};

it('fills in what lm-evaluation-harness fills in', () => {
  const { description, target_delimiter, fewshot_delimiter } = defineTask(definition);
  expect([description, target_delimiter, fewshot_delimiter]).toEqual(['', ' ', '\n\n']);
});

it('renders templates from the document', () => {
  const task = defineTask(definition);
  expect(task.doc_to_text.render({ n: 3 })).toBe('Is 3 even?\nAnswer:');
  expect(task.doc_to_target.render({ n: 3 })).toBe(1);
});

it('refuses misspelt keys, missing templates and metrics of another kind of task', () => {
  expect(() => defineTask({ ...definition, fewshots: 3 } as never)).toThrow('fewshots');
  expect(() => defineTask({ ...definition, doc_to_text: 'Is {{n}} even?' } as never)).toThrow('template()');
  expect(() =>
    defineTask({ ...definition, metric_list: [{ metric: 'word_perplexity' }] } as never),
  ).toThrow();
});

it('refuses a task without a split to score', () => {
  expect(() => defineTask({ ...definition, test_split: undefined })).toThrow('validation_split');
});

it('names the field that a template misses', () => {
  expect(() => template('{{a}}').render({ b: 1 })).toThrow('a is not in the document');
});
