import { z } from 'zod';
import { withoutBrackets } from '../python/search.js';
import { capitalize, strip } from '../python/text.js';
import { accAndNorm } from './choices.js';
import { defineTask } from './task-schema.js';
import { column, computed, template } from './template.js';

const row = z.object({
  activity_label: z.string(),
  ctx_a: z.string(),
  ctx_b: z.string(),
  endings: z.array(z.string()).length(4),
  label: z.string().regex(/^[0-3]$/, 'must be 0, 1, 2 or 3'),
});

/** Takes out the marks that WikiHow's articles have. Blanks where they stood stay, at the beginning too. */
export function withoutMarks(text: string): string {
  return withoutBrackets(strip(text).replaceAll(' [title]', '. ')).replaceAll('  ', ' ');
}

/** The question, its endings and the right one, from a row. */
const processed = computed('process_docs', (doc: z.output<typeof row>) => ({
  query: withoutMarks(`${doc.activity_label}: ${doc.ctx_a} ${capitalize(doc.ctx_b)}`),
  choices: doc.endings.map(withoutMarks),
  gold: Number(doc.label),
}));

/** What happens next in a film or a guide: endings that only machines found likely (Zellers et al., 2019). */
export const hellaswag = defineTask({
  task: 'hellaswag',
  dataset_path: 'Rowan/hellaswag',
  output_type: 'multiple_choice',
  training_split: 'train',
  validation_split: 'validation',
  row,
  process_docs: processed,
  doc_to_text: template('{{query}}'),
  doc_to_target: computed('{{label}}', (doc: { gold: number }) => doc.gold),
  doc_to_choice: column('choices'),
  metric_list: accAndNorm,
  metadata: { version: 1 },
});
