import { findAll, pythonRegex } from '../python/regex.js';
import { strip } from '../python/text.js';
import type { AnswerFilter, FilterPipeline } from '../tasks/filter-schema.js';
import { choiceFinder } from './choice-filter.js';
import { namedEntities, tagsIn } from './span-filter.js';

/** The answer of a regex filter where nothing matches. */
const noMatch = '[invalid]';

/** The pattern of a regex filter that names none. */
const usualPattern = '#### (\\-?[0-9\\.\\,]+)';

/** What filters make of answers: a text, several, what a map gives for one, nothing. */
export type Answer = string | number | boolean | null | readonly Answer[];

/**
 * Extracts the answer from what the model wrote, by each filter of the pipeline in turn. `choices`: the document's
 * column of that name, which `multi_choice_regex` needs. Throws a `SyntaxError` for a pattern, a `TypeError` for choices.
 */
export function applyFilters(
  { filter }: FilterPipeline,
  responses: readonly string[],
  choices?: unknown,
): Answer {
  return filter.reduce<Answer>((answers, one) => applied(one, answers, choices), responses);
}

/** A filter goes through what the filter before it left; of a text through its characters, as in Python. */
function applied(filter: AnswerFilter, answers: Answer, choices: unknown): Answer {
  const items = itemsOf(answers);
  const texts = (change: (text: string) => Answer) =>
    items.map((item) => (typeof item === 'string' ? change(item) : item));
  switch (filter.function) {
    case 'take_first':
      return items[0] ?? noMatch;
    case 'take_first_k':
      return items.slice(0, filter.k);
    case 'majority_vote':
      return [mostFrequent(items)];
    case 'remove_whitespace':
      return texts(strip);
    case 'lowercase':
      return texts((text) => text.toLowerCase());
    case 'uppercase':
      return texts((text) => text.toUpperCase());
    case 'map': {
      const mapping = filter.mapping_dict ?? {};
      const fallback = (filter.default_value ?? null) as Answer;
      return items.map((item) =>
        Object.hasOwn(mapping, String(item)) ? (mapping[String(item)] as Answer) : fallback,
      );
    }
    case 'format_span':
      return texts(namedEntities);
    case 'regex_pos':
      return texts((text) => tagsIn(text) ?? filter.fallback ?? ['invalid']);
    case 'regex': {
      const pattern = pythonRegex(filter.regex_pattern ?? usualPattern);
      return items.map((item) => {
        const found = selectMatch(pattern, typeof item === 'string' ? item : '', filter.group_select ?? 0);
        return found === null ? (filter.fallback ?? noMatch) : strip(found);
      });
    }
    case 'multi_choice_regex': {
      const find = choiceFinder({ ...filter, regex_pattern: filter.regex_pattern ?? usualPattern }, choices);
      return items.map((item) => find(typeof item === 'string' ? item : '') ?? filter.fallback ?? noMatch);
    }
  }
}

const itemsOf = (answers: Answer): readonly Answer[] => {
  if (typeof answers === 'string') return [...answers];
  return Array.isArray(answers) ? answers : [answers];
};

/** The selected match; of several groups the first that is not empty; null if there is none. */
export function selectMatch(pattern: RegExp, response: string, select: number): string | null {
  const match = findAll(pattern, response).at(select);
  if (match === undefined) return null;
  return typeof match === 'string' ? match : (match.find((group) => group !== '') ?? null);
}

/** The first of those that come most often. */
function mostFrequent(items: readonly Answer[]): Answer {
  const counts = new Map<Answer, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  let [best, most]: [Answer, number] = [noMatch, 0];
  for (const [item, count] of counts) if (count > most) [best, most] = [item, count];
  return best;
}
