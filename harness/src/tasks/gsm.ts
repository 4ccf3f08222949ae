import { z } from 'zod';
import type { FilterPipeline } from './filter-schema.js';
import type { ExactMatch } from './metric-schema.js';
import { template } from './template.js';

/** What GSM8K, its chain-of-thought forms and its miniature share: worked answers that end in `#### n`. */
export const gsmRow = z.object({ question: z.string(), answer: z.string() });
export const gsmQuestion = template('Question: {{question}}\nAnswer:');
export const gsmAnswer = template('{{answer}}');

/** `strict-match` wants the form of the examples, `flexible-extract` takes the last number. */
function answerFilters(strict: { regex_pattern: string; group_select?: number }): FilterPipeline[] {
  return [
    { name: 'strict-match', filter: [{ function: 'regex', ...strict }, { function: 'take_first' }] },
    {
      name: 'flexible-extract',
      filter: [
        { function: 'regex', group_select: -1, regex_pattern: '(-?[$0-9.,]{2,})|(-?[0-9]+)' },
        { function: 'take_first' },
      ],
    },
  ];
}

export const gsmFilters = answerFilters({ regex_pattern: '#### (\\-?[0-9\\.\\,]+)' });

/** The unescaped full stop eats a character after the number, here as in lm-evaluation-harness. */
export const chainOfThoughtFilters = answerFilters({
  regex_pattern: 'The answer is (\\-?[0-9\\.\\,]+).',
});

export const finalAnswerFilters = answerFilters({
  group_select: -1,
  regex_pattern: 'The final answer is ((-?[$0-9.,]{2,})|(-?[0-9]+))',
});

/** Numbers are compared as text, without thousands separators, dollar signs and a final full stop. */
export const gsmExactMatch: ExactMatch = {
  metric: 'exact_match',
  aggregation: 'mean',
  higher_is_better: true,
  ignore_case: true,
  ignore_punctuation: false,
  regexes_to_ignore: [',', '\\$', '(?s).*#### ', '\\.$'],
};
