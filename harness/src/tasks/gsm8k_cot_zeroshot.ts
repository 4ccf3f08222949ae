import { chainOfThoughtFilters, gsmAnswer, gsmExactMatch, gsmRow } from './gsm.js';
import { defineTask } from './schema.js';
import { template } from './template.js';

/** GSM8K asked to think step by step, without examples (Kojima et al., 2022). */
export const gsm8kCotZeroshot = defineTask({
  task: 'gsm8k_cot_zeroshot',
  dataset_path: 'openai/gsm8k',
  dataset_name: 'main',
  output_type: 'generate_until',
  training_split: 'train',
  test_split: 'test',
  fewshot_split: 'train',
  row: gsmRow,
  doc_to_text: template("Q: {{question}}\nA: Let's think step by step."),
  doc_to_target: gsmAnswer,
  num_fewshot: 0,
  generation_kwargs: { until: ['Q:', '</s>', '<|im_end|>'], do_sample: false },
  filter_list: chainOfThoughtFilters,
  metric_list: [gsmExactMatch],
  metadata: { version: 3 },
});
