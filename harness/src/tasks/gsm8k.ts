import { strip } from '../python/text.js';
import {
  chainOfThoughtFilters,
  finalAnswerFilters,
  gsmAnswer,
  gsmExactMatch,
  gsmFilters,
  gsmQuestion,
  gsmRow,
} from './gsm.js';
import { defineTask, type TaskDefinition } from './task-schema.js';
import { computed, template } from './template.js';

/** What all forms share: word problems in two to eight steps (Cobbe et al., 2021). */
const problems = {
  dataset_path: 'openai/gsm8k',
  dataset_name: 'main',
  output_type: 'generate_until',
  test_split: 'test',
  row: gsmRow,
  metric_list: [gsmExactMatch],
} satisfies Partial<TaskDefinition>;

/** Grade School Math 8K, with worked answers as examples. */
export const gsm8k = defineTask({
  ...problems,
  task: 'gsm8k',
  training_split: 'train',
  fewshot_split: 'train',
  doc_to_text: gsmQuestion,
  doc_to_target: gsmAnswer,
  num_fewshot: 5,
  generation_kwargs: { until: ['Question:', '</s>', '<|im_end|>'], do_sample: false, temperature: 0 },
  filter_list: gsmFilters,
  metadata: { version: 3 },
});

/** The worked examples of Wei et al. (2022, appendix), word for word. */
const samples = [
  {
    question:
      'There are 15 trees in the grove. Grove workers will plant trees in the grove today. After they are done, there will be 21 trees. How many trees did the grove workers plant today?',
    target:
      'There are 15 trees originally. Then there were 21 trees after some more were planted. So there must have been 21 - 15 = 6. The answer is 6.',
  },
  {
    question:
      'If there are 3 cars in the parking lot and 2 more cars arrive, how many cars are in the parking lot?',
    target: 'There are originally 3 cars. 2 more cars arrive. 3 + 2 = 5. The answer is 5.',
  },
  {
    question:
      'Leah had 32 chocolates and her sister had 42. If they ate 35, how many pieces do they have left in total?',
    target:
      'Originally, Leah had 32 chocolates. Her sister had 42. So in total they had 32 + 42 = 74. After eating 35, they had 74 - 35 = 39. The answer is 39.',
  },
  {
    question:
      'Jason had 20 lollipops. He gave Denny some lollipops. Now Jason has 12 lollipops. How many lollipops did Jason give to Denny?',
    target:
      'Jason started with 20 lollipops. Then he had 12 after giving some to Denny. So he gave Denny 20 - 12 = 8. The answer is 8.',
  },
  {
    question:
      'Shawn has five toys. For Christmas, he got two toys each from his mom and dad. How many toys does he have now?',
    target:
      'Shawn started with 5 toys. If he got 2 toys each from his mom and dad, then that is 4 more toys. 5 + 4 = 9. The answer is 9.',
  },
  {
    question:
      'There were nine computers in the server room. Five more computers were installed each day, from monday to thursday. How many computers are now in the server room?',
    target:
      'There were originally 9 computers. For each of 4 days, 5 more computers were added. So 5 * 4 = 20 computers were added. 9 + 20 is 29. The answer is 29.',
  },
  {
    question:
      'Michael had 58 golf balls. On tuesday, he lost 23 golf balls. On wednesday, he lost 2 more. How many golf balls did he have at the end of wednesday?',
    target:
      'Michael started with 58 golf balls. After losing 23 on tuesday, he had 58 - 23 = 35. After losing 2 more, he had 35 - 2 = 33 golf balls. The answer is 33.',
  },
  {
    question: 'Olivia has $23. She bought five bagels for $3 each. How much money does she have left?',
    target:
      'Olivia had 23 dollars. 5 bagels for 3 dollars each will be 5 x 3 = 15 dollars. So she has 23 - 15 dollars left. 23 - 15 is 8. The answer is 8.',
  },
];

/** A document has an `answer` that ends in `#### n`, an example the `target` itself. */
const finalNumber = computed(
  "{{answer.split('####')[-1].strip() if answer is defined else target}}",
  (doc: { readonly answer?: string; readonly target?: string }) =>
    doc.answer === undefined ? doc.target! : strip(doc.answer.split('####').at(-1)!),
);

/** GSM8K with eight chains of thought as examples (Wei et al., 2022). */
export const gsm8kCot = defineTask({
  ...problems,
  task: 'gsm8k_cot',
  fewshot_config: { sampler: 'first_n', samples },
  doc_to_text: template('Q: {{question}}\nA:'),
  doc_to_target: finalNumber,
  num_fewshot: 8,
  generation_kwargs: { do_sample: false, until: ['Q:', '</s>', '<|im_end|>'] },
  filter_list: chainOfThoughtFilters,
  metadata: { version: 3 },
});

/** GSM8K asked to think step by step, without examples (Kojima et al., 2022). */
export const gsm8kCotZeroshot = defineTask({
  ...problems,
  task: 'gsm8k_cot_zeroshot',
  training_split: 'train',
  fewshot_split: 'train',
  doc_to_text: template("Q: {{question}}\nA: Let's think step by step."),
  doc_to_target: gsmAnswer,
  num_fewshot: 0,
  generation_kwargs: { until: ['Q:', '</s>', '<|im_end|>'], do_sample: false },
  filter_list: chainOfThoughtFilters,
  metadata: { version: 3 },
});

/** GSM8K with the prompt and the form of answer that Meta's evaluations of Llama 3.1 use. */
export const gsm8kCotLlama = defineTask({
  ...problems,
  task: 'gsm8k_cot_llama',
  fewshot_config: {
    sampler: 'first_n',
    samples: samples.map(({ question, target }) => ({
      question,
      target: target.replace(/The answer is (.+)\.$/, 'The final answer is $1'),
    })),
  },
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
  metadata: { version: 4 },
});
