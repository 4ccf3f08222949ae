import { z } from 'zod';
import { pythonRegex } from '../python/regex.js';
import { tightened } from '../python/search.js';
import { defineTask } from './task-schema.js';
import { computed, template } from './template.js';

/** A text for another, or one without blanks at the inner sides of brackets. */
type Replacement = readonly [string | RegExp, string] | ((text: string) => string);

/** The order matters: a later replacement may see what an earlier one made. */
const replacements: readonly Replacement[] = [
  ["s '", "s'"],
  // The slashes are part of the pattern: this never matches, here as in lm-evaluation-harness.
  [pythonRegex("/' [0-9]/"), "/'[0-9]/"],
  [' @-@ ', '-'],
  [' @,@ ', ','],
  [' @.@ ', '.'],
  [' : ', ': '],
  [' ; ', '; '],
  [' . ', '. '],
  [' ! ', '! '],
  [' ? ', '? '],
  [' , ', ', '],
  (text) => tightened(text, '(', ')'),
  (text) => tightened(text, '[', ']'),
  (text) => tightened(text, '{', '}'),
  (text) => tightened(text, '"', '"'),
  (text) => tightened(text, "'", "'"),
  ['= = = =', '===='],
  ['= = =', '==='],
  ['= =', '=='],
  [' ° ', '°'],
  [' \n', '\n'],
  ['\n ', '\n'],
  [' N ', ' 1 '],
  [" 's", "'s"],
];

/** Undoes the tokenisation of WikiText: blanks around punctuation and its `@-@` marks. */
export function detokenise(page: string): string {
  return replacements.reduce(
    (text, one) => (typeof one === 'function' ? one(text) : text.replaceAll(...one)),
    page,
  );
}

/** WikiText-2 by whole pages (Merity et al., 2016); words and bytes are those of the tokenised page. */
export const wikitext = defineTask({
  task: 'wikitext',
  dataset_path: 'EleutherAI/wikitext_document_level',
  dataset_name: 'wikitext-2-raw-v1',
  output_type: 'loglikelihood_rolling',
  training_split: 'train',
  validation_split: 'validation',
  test_split: 'test',
  row: z.object({ page: z.string() }),
  doc_to_text: template(''),
  doc_to_target: computed('wikitext_detokenizer', (doc: { page: string }) => detokenise(doc.page)),
  doc_to_counted_text: template('{{page}}'),
  doc_to_decontamination_query: '{{page}}',
  metric_list: [{ metric: 'word_perplexity' }, { metric: 'byte_perplexity' }, { metric: 'bits_per_byte' }],
  metadata: { version: 2 },
});
