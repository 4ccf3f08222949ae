import { z } from 'zod';
import { passNames } from './metric-schema.js';
import { defineTask } from './task-schema.js';
import { computed, template } from './template.js';

const row = z.object({
  prompt: z.string(),
  test: z.string(),
  entry_point: z.string(),
});

type Doc = z.output<typeof row>;

/** Functions to be completed, which tests check (Chen et al., 2021). Its answers are run: see `runProgram`. */
export const humaneval = defineTask({
  task: 'humaneval',
  dataset_path: 'openai/openai_humaneval',
  output_type: 'generate_until',
  unsafe_code: true,
  test_split: 'test',
  row,
  doc_to_text: template('{{prompt}}'),
  doc_to_target: template('{{test}}\ncheck({{entry_point}})'),
  doc_to_program: computed('utils.build_predictions', (doc: Doc) => (answer: string) => {
    return `${doc.prompt}${answer}\n${doc.test}\ncheck(${doc.entry_point})`;
  }),
  num_fewshot: 0,
  generation_kwargs: {
    until: ['\nclass', '\ndef', '\n#', '\nif', '\nprint'],
    max_gen_toks: 1024,
    do_sample: false,
  },
  filter_list: [{ name: 'create_test', filter: [{ function: 'take_first' }] }],
  metric_list: [{ metric: passNames[0]!, aggregation: 'mean', higher_is_better: true }],
  metadata: { version: 1 },
});
