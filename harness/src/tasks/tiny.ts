import { z } from 'zod';
import { accAndNorm, letteredChoices, letteredRow, letteredTarget } from './choices.js';
import { gsmAnswer, gsmExactMatch, gsmFilters, gsmQuestion, gsmRow } from './gsm.js';
import { defineTask } from './task-schema.js';
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
  metric_list: accAndNorm,
  metadata: { version: 1 },
});

/** GSM8K in miniature: one-step word problems that the embedded model was trained on. */
export const tinyGsm = defineTask({
  task: 'tiny_gsm',
  dataset_path: 'json',
  dataset_kwargs: {
    data_files: { train: 'tasks/tiny_gsm.train.jsonl', test: 'tasks/tiny_gsm.test.jsonl' },
  },
  output_type: 'generate_until',
  training_split: 'train',
  test_split: 'test',
  fewshot_split: 'train',
  row: gsmRow,
  doc_to_text: gsmQuestion,
  doc_to_target: gsmAnswer,
  generation_kwargs: { until: ['Question:'], do_sample: false, temperature: 0, max_gen_toks: 64 },
  filter_list: gsmFilters,
  metric_list: [gsmExactMatch],
  metadata: { version: 1 },
});

/** Perplexity over documents of the embedded model's training distribution that it never saw. */
export const tinyHeldout = defineTask({
  task: 'tiny_heldout',
  dataset_path: 'text',
  dataset_kwargs: { data_files: { test: 'heldout.txt' }, sample_by: 'paragraph' },
  output_type: 'loglikelihood_rolling',
  test_split: 'test',
  row: z.object({ text: z.string().min(1) }),
  doc_to_text: template(''),
  doc_to_target: template('{{text}}'),
  metric_list: [
    { metric: 'word_perplexity' },
    { metric: 'byte_perplexity' },
    { metric: 'bits_per_byte' },
    { metric: 'token_perplexity' },
  ],
  metadata: { version: 1 },
});

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
  metric_list: accAndNorm,
  metadata: { version: 1 },
});
