import { fileURLToPath } from 'node:url';
import type { Plugin } from '@moepress/core';
import { column, computed, defineTask, type Task, template } from '@moepress/harness';
import { z } from 'zod';

/** A row of data/test.jsonl. */
const row = z.object({ question: z.string(), choices: z.array(z.string()), answer: z.int() });

type Row = z.infer<typeof row>;

/** Questions with given answers, of which the likeliest is the model's. Raise the version whenever a score could change. */
export const exampleName: Task = defineTask({
  task: 'example-name',
  dataset_path: 'json',
  dataset_kwargs: {
    data_files: { test: 'test.jsonl' },
    folder: fileURLToPath(new URL('../data', import.meta.url)),
  },
  output_type: 'multiple_choice',
  test_split: 'test',
  row,
  doc_to_text: template('Question: {{question}}\nAnswer:'),
  doc_to_target: computed<Row, number>('answer', ({ answer }) => answer),
  doc_to_choice: column('choices'),
  num_fewshot: 0,
  metric_list: [{ metric: 'acc' }, { metric: 'acc_norm' }],
  metadata: { version: 1 },
});

const plugin: Plugin = { name: 'example-name', tasks: [exampleName] };

export default plugin;
