import { letteredChoices, letteredRow, letteredTarget } from './lettered.js';
import { defineTask } from './schema.js';
import { template } from './template.js';

/** Questions about made-up animals, asked in words that training did not use for that fact. */
export const tinyFacts = defineTask({
  task: 'tiny_facts',
  dataset_path: 'json',
  dataset_kwargs: { data_files: { test: 'tasks/tiny_facts.test.jsonl' } },
  output_type: 'multiple_choice',
  test_split: 'test',
  row: letteredRow('question'),
  doc_to_text: template('Question: {{question}}\nAnswer:'),
  doc_to_target: letteredTarget,
  doc_to_choice: letteredChoices,
  num_fewshot: 0,
  metric_list: [
    { metric: 'acc', aggregation: 'mean', higher_is_better: true },
    { metric: 'acc_norm', aggregation: 'mean', higher_is_better: true },
  ],
  metadata: { version: 1 },
});
