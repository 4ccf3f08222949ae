import { z } from 'zod';
import { findOptions, trimmedEnd } from '../python/search.js';
import { accAndNorm } from './choices.js';
import { defineTask } from './task-schema.js';
import { computed, template } from './template.js';

const letters = ['a', 'b', 'c', 'd', 'e'] as const;

/** The five options of a text such as `a ) 38 , b ) 27.675 , c ) 30 , d ) data inadequate , e ) none`. */
export function splitOptions(options: string): string[] {
  return findOptions(options).map((option) => trimmedEnd(option.slice(4), ' ,'));
}

const row = z
  .object({ Problem: z.string(), options: z.string(), correct: z.enum(letters) })
  .refine(({ options, correct }) => splitOptions(options).length > letters.indexOf(correct), {
    message: 'do not hold the correct one',
    path: ['options'],
  });

type Doc = z.output<typeof row>;

const question = template('Question: {{Problem}}\nAnswer:');

/** Word problems of the GRE and GMAT (Amini et al., 2019). */
export const mathqa = defineTask({
  task: 'mathqa',
  dataset_path: 'regisss/math_qa',
  output_type: 'multiple_choice',
  training_split: 'train',
  validation_split: 'validation',
  test_split: 'test',
  row,
  doc_to_text: question,
  doc_to_target: computed("{{['a', 'b', 'c', 'd', 'e'].index(correct)}}", ({ correct }: Doc) =>
    letters.indexOf(correct),
  ),
  doc_to_choice: computed('doc_to_choice', ({ options }: Doc) => splitOptions(options)),
  doc_to_decontamination_query: question.source,
  metric_list: accAndNorm,
  metadata: { version: 1 },
});
