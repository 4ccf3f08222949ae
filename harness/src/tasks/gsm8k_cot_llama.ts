import { finalAnswerFilters, gsmExactMatch, gsmRow } from './gsm.js';
import { finalNumber, samples } from './gsm8k_cot.js';
import { defineTask } from './schema.js';
import { template } from './template.js';

/** GSM8K with the prompt and the form of answer that Meta's evaluations of Llama 3.1 use. */
export const gsm8kCotLlama = defineTask({
  task: 'gsm8k_cot_llama',
  dataset_path: 'openai/gsm8k',
  dataset_name: 'main',
  output_type: 'generate_until',
  test_split: 'test',
  fewshot_config: {
    sampler: 'first_n',
    samples: samples.map(({ question, target }) => ({
      question,
      target: target.replace(/The answer is (.+)\.$/, 'The final answer is $1'),
    })),
  },
  row: gsmRow,
  doc_to_text: template(
    'Given the following problem, reason and give a final answer to the problem.\nProblem: {{question}}\nYour response should end with "The final answer is [answer]" where [answer] is the response to the problem.\n',
  ),
  doc_to_target: finalNumber,
  target_delimiter: '',
  num_fewshot: 8,
  generation_kwargs: {
    do_sample: false,
    until: ['<|eot_id|>', '<|start_header_id|>user<|end_header_id|>', 'Q:', '</s>', '<|im_end|>'],
  },
  filter_list: finalAnswerFilters,
  metric_list: [gsmExactMatch],
  metadata: { version: 4 },
});
