import { z } from 'zod';
import { binaryLabel } from './label.js';
import type { TaskDefinition } from './schema.js';
import { column, fixed, template } from './template.js';

/**
 * Recognising Textual Entailment (Dagan et al., 2006): whether a text implies a statement. GLUE and SuperGLUE
 * name its columns differently.
 */
export function entailment(text: string, statement: string) {
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
