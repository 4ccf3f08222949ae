import { z } from 'zod';
import { acc } from './choices.js';
import { defineTask } from './task-schema.js';
import { computed, template } from './template.js';

const row = z.object({
  context: z.string(),
  question: z.string(),
  answerA: z.string(),
  answerB: z.string(),
  answerC: z.string(),
  label: z.enum(['1', '2', '3']),
});

type Doc = z.output<typeof row>;

/** Why people do what they do, and what they feel and do next (Sap et al., 2019). */
export const socialIqa = defineTask({
  task: 'social_iqa',
  dataset_path: 'lighteval/siqa',
  output_type: 'multiple_choice',
  training_split: 'train',
  validation_split: 'validation',
  row,
  doc_to_text: template('Q: {{context}} {{question}}\nA:'),
  doc_to_target: computed('{{ (label|int) - 1 }}', ({ label }: Doc) => Number(label) - 1),
  doc_to_choice: computed('{{[answerA, answerB, answerC]}}', (doc: Doc) => [
    doc.answerA,
    doc.answerB,
    doc.answerC,
  ]),
  metric_list: acc,
  metadata: { version: 0 },
});
