import { z } from 'zod';
import { binaryLabel } from './choices.js';
import { defineTask, type TaskDefinition } from './task-schema.js';
import { column, fixed, template } from './template.js';

/**
 * Recognising Textual Entailment (Dagan et al., 2006): whether a text implies a statement. GLUE and SuperGLUE
 * name its columns differently.
 */
function entailment(text: string, statement: string) {
  return {
    output_type: 'multiple_choice',
    training_split: 'train',
    validation_split: 'validation',
    row: z.object({ [text]: z.string(), [statement]: z.string(), label: binaryLabel }),
    doc_to_text: template(`{{${text}}}\nQuestion: {{${statement}}} True or False?\nAnswer:`),
    doc_to_target: column('label'),
    doc_to_choice: fixed('True', 'False'),
    metric_list: [{ metric: 'acc' }],
  } satisfies Partial<TaskDefinition>;
}

/** Textual entailment as GLUE has it (Wang et al., 2019). */
export const rte = defineTask({
  ...entailment('sentence1', 'sentence2'),
  task: 'rte',
  dataset_path: 'nyu-mll/glue',
  dataset_name: 'rte',
  metadata: { version: 1 },
});

/** Textual entailment as SuperGLUE has it (Wang et al., 2019). */
export const sglueRte = defineTask({
  ...entailment('premise', 'hypothesis'),
  task: 'sglue_rte',
  dataset_path: 'aps/super_glue',
  dataset_name: 'rte',
  metadata: { version: 0 },
});
