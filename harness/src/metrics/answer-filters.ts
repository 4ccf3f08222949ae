import { findAll, pythonRegex } from '../python/regex.js';
import { strip } from '../python/text.js';
import type { FilterPipeline } from '../tasks/task-schema.js';

/** The answer of a regex filter where nothing matches. */
const noMatch = '[invalid]';

type Filter = FilterPipeline['filter'][number];

/** Extracts the answer from what the model wrote, by each filter of the pipeline in turn. */
export function applyFilters({ filter }: FilterPipeline, responses: readonly string[]): string {
  const [answer = noMatch] = filter.reduce(applyFilter, responses);
  return answer;
}

function applyFilter(responses: readonly string[], filter: Filter): readonly string[] {
  if (filter.function === 'take_first') return responses.slice(0, 1);
  const pattern = pythonRegex(filter.regex_pattern);
  return responses.map((response) => selectMatch(pattern, response, filter.group_select ?? 0));
}

/** The selected match without surrounding whitespace; of several groups the first that is not empty. */
function selectMatch(pattern: RegExp, response: string, select: number): string {
  const match = findAll(pattern, response).at(select);
  if (match === undefined) return noMatch;
  if (typeof match === 'string') return strip(match);
  return strip(match.find((group) => group !== '') ?? noMatch);
}
