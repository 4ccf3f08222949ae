import { escapePattern, findAll, pythonRegex } from '../python/regex.js';
import { codePointLength, strip } from '../python/text.js';

export interface ChoiceFilter {
  readonly regex_pattern: string;
  readonly group_select?: number | undefined;
  readonly ignore_case?: boolean | undefined;
  readonly ignore_punctuation?: boolean | undefined;
  readonly regexes_to_ignore?: readonly string[] | null | undefined;
}

const punctuation = /\p{P}/gu;

/**
 * Finds the answer to a question with choices, as `MultiChoiceRegexFilter` of lm-evaluation-harness 0.4.13
 * (filters/extraction.py) does: what the pattern finds, else the text of a choice, told as `(A)`, else a letter after a
 * colon, told as `(A)`; null for none. `choices` is the document's column of that name. Throws a `SyntaxError`, and a
 * `TypeError` if it is no list of texts.
 */
export function choiceFinder(filter: ChoiceFilter, choices: unknown): (response: string) => string | null {
  if (!Array.isArray(choices) || !choices.every((one) => typeof one === 'string')) {
    throw new TypeError('the filter multi_choice_regex needs a column "choices", a list of texts');
  }
  const select = filter.group_select ?? 0;
  const ignored = (filter.regexes_to_ignore ?? []).map(pythonRegex);
  const reduced = (text: string): string => {
    const kept = ignored.reduce((rest, pattern) => rest.replaceAll(pattern, ''), text);
    const cased = filter.ignore_case ? kept.toLowerCase() : kept;
    return filter.ignore_punctuation ? cased.replaceAll(punctuation, '') : cased;
  };
  const letterOf = (index: number) => String.fromCodePoint('A'.codePointAt(0)! + index);
  const texts = choices.map((one) => reduced(strip(one)));
  const byText = new Map(texts.map((text, i) => [text, `(${letterOf(i)})`]));
  const byLetter = new Map(texts.map((_, i) => [letterOf(i), `(${letterOf(i)})`]));
  // A longer choice comes first, lest a shorter one be found at its beginning.
  const longestFirst = texts
    .map(escapePattern)
    .sort((a, b) => codePointLength(b) - codePointLength(a))
    .join('|');
  const patterns = {
    own: pythonRegex(filter.regex_pattern),
    text: pythonRegex(longestFirst),
    letter: pythonRegex(`:[\\s]*(${[...byLetter.keys()].map(escapePattern).join('|')})`),
  };
  return (response) =>
    found(patterns.own, response, select, new Map()) ||
    found(patterns.text, reduced(response), select, byText) ||
    found(patterns.letter, response, select, byLetter) ||
    null;
}

function found(
  pattern: RegExp,
  response: string,
  select: number,
  names: ReadonlyMap<string, string>,
): string | null {
  const match = findAll(pattern, response).at(select);
  if (match === undefined) return null;
  const text = strip(typeof match === 'string' ? match : (match.find((group) => group !== '') ?? ''));
  return names.get(text) ?? text;
}
