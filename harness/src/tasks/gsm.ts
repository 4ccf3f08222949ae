import { z } from 'zod';
import type { ExactMatch, FilterPipeline } from './schema.js';
import { template } from './template.js';

/** What GSM8K and its miniature share: worked answers that end in `#### n`. */
export const gsmRow = z.object({ question: z.string(), answer: z.string() });
export const gsmQuestion = template('Question: {{question}}\nAnswer:');
export const gsmAnswer = template('{{answer}}');

/** `strict-match` wants the form of the examples, `flexible-extract` takes the last number. */
export const gsmFilters: FilterPipeline[] = [
  {
    name: 'strict-match',
    filter: [{ function: 'regex', regex_pattern: '#### (\\-?[0-9\\.\\,]+)' }, { function: 'take_first' }],
  },
  {
    name: 'flexible-extract',
    filter: [
      { function: 'regex', group_select: -1, regex_pattern: '(-?[$0-9.,]{2,})|(-?[0-9]+)' },
      { function: 'take_first' },
    ],
  },
];

/** Numbers are compared as text, without thousands separators, dollar signs and a final full stop. */
export const gsmExactMatch: ExactMatch = {
  metric: 'exact_match',
  aggregation: 'mean',
  higher_is_better: true,
  ignore_case: true,
  ignore_punctuation: false,
  regexes_to_ignore: [',', '\\$', '(?s).*#### ', '\\.$'],
};
