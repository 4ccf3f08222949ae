import { z } from 'zod';
import { strip } from '../python/text.js';
import { acc } from './choices.js';
import { defineTask } from './task-schema.js';
import { computed } from './template.js';

const row = z.object({
  sentence: z.string().regex(/_/, 'has no blank _ to fill'),
  option1: z.string(),
  option2: z.string(),
  answer: z.enum(['1', '2']),
});

type Doc = z.output<typeof row>;

/** What stands before the blank, and after it. */
function cut({ sentence }: Doc): [before: string, after: string] {
  const blank = sentence.indexOf('_');
  return [sentence.slice(0, blank), strip(sentence.slice(blank + 1))];
}

/**
 * Whom a pronoun means, against what word statistics say (Sakaguchi et al., 2020). Scored in part (Trinh
 * and Le, 2018): the same rest of the sentence after the blank was filled in either way.
 */
export const winogrande = defineTask({
  task: 'winogrande',
  dataset_path: 'allenai/winogrande',
  dataset_name: 'winogrande_xl',
  output_type: 'multiple_choice',
  training_split: 'train',
  validation_split: 'validation',
  row,
  doc_to_text: computed('doc_to_choice', (doc: Doc) => {
    const [before] = cut(doc);
    return [before + doc.option1, before + doc.option2];
  }),
  doc_to_target: computed('doc_to_text', ({ answer }: Doc) => Number(answer) - 1),
  doc_to_choice: computed('doc_to_target', (doc: Doc) => {
    const [, after] = cut(doc);
    return [after, after];
  }),
  doc_to_decontamination_query: 'sentence',
  metric_list: acc,
  metadata: { version: 1 },
});
