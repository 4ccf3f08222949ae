import { gsmAnswer, gsmExactMatch, gsmFilters, gsmQuestion, gsmRow } from './gsm.js';
import { defineTask } from './schema.js';

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
