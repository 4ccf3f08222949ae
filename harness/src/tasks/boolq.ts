import { z } from 'zod';
import { binaryLabel } from './choices.js';
import { defineTask } from './task-schema.js';
import { column, fixed, template } from './template.js';

/** Yes-or-no questions about a passage (Clark et al., 2019), as SuperGLUE has them. */
export const boolq = defineTask({
  task: 'boolq',
  dataset_path: 'aps/super_glue',
  dataset_name: 'boolq',
  output_type: 'multiple_choice',
  training_split: 'train',
  validation_split: 'validation',
  row: z.object({ question: z.string(), passage: z.string(), label: binaryLabel }),
  doc_to_text: template('{{passage}}\nQuestion: {{question}}?\nAnswer:'),
  doc_to_target: column('label'),
  doc_to_choice: fixed('no', 'yes'),
  doc_to_decontamination_query: 'passage',
  metric_list: [{ metric: 'acc' }],
  metadata: { version: 2 },
});
