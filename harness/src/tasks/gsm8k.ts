import { gsmAnswer, gsmExactMatch, gsmFilters, gsmQuestion, gsmRow } from './gsm.js';
import { defineTask } from './schema.js';

/** Grade School Math 8K: word problems in two to eight steps (Cobbe et al., 2021). */
export const gsm8k = defineTask({
  task: 'gsm8k',
  dataset_path: 'openai/gsm8k',
  dataset_name: 'main',
  output_type: 'generate_until',
  training_split: 'train',
  test_split: 'test',
  fewshot_split: 'train',
  row: gsmRow,
  doc_to_text: gsmQuestion,
  doc_to_target: gsmAnswer,
  num_fewshot: 5,
  generation_kwargs: { until: ['Question:', '</s>', '<|im_end|>'], do_sample: false, temperature: 0 },
  filter_list: gsmFilters,
  metric_list: [gsmExactMatch],
  metadata: { version: 3 },
});
