import { letteredChoices, letteredRow, letteredTarget } from './lettered.js';
import { defineTask } from './schema.js';
import { template } from './template.js';

/** Who is where after a short passage; the embedded model has learned it only in part. */
export const tinyWhere = defineTask({
  task: 'tiny_where',
  dataset_path: 'json',
  dataset_kwargs: { data_files: { test: 'tasks/tiny_where.test.jsonl' } },
  output_type: 'multiple_choice',
  test_split: 'test',
  row: letteredRow('passage', 'question'),
  doc_to_text: template('{{passage}}\nQuestion: {{question}}\nAnswer:'),
  doc_to_target: letteredTarget,
  doc_to_choice: letteredChoices,
  num_fewshot: 0,
  metric_list: [
    { metric: 'acc', aggregation: 'mean', higher_is_better: true },
    { metric: 'acc_norm', aggregation: 'mean', higher_is_better: true },
  ],
  metadata: { version: 1 },
});
