import { z } from 'zod';
import { accAndNorm, binaryLabel } from './choices.js';
import { defineTask } from './task-schema.js';
import { column, computed, template } from './template.js';

const row = z.object({ goal: z.string(), sol1: z.string(), sol2: z.string(), label: binaryLabel });

/** Which of two ways reaches a goal in the physical world (Bisk et al., 2020). */
export const piqa = defineTask({
  task: 'piqa',
  dataset_path: 'baber/piqa',
  output_type: 'multiple_choice',
  training_split: 'train',
  validation_split: 'validation',
  row,
  doc_to_text: template('Question: {{goal}}\nAnswer:'),
  doc_to_target: column('label'),
  doc_to_choice: computed('{{[sol1, sol2]}}', (doc: z.output<typeof row>) => [doc.sol1, doc.sol2]),
  doc_to_decontamination_query: 'goal',
  metric_list: accAndNorm,
  metadata: { version: 1 },
});
