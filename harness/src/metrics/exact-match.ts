import { pythonRegex } from '../python/regex.js';
import type { ExactMatch } from '../tasks/schema.js';

/** 1 if prediction and reference are the same text once both have been normalised, else 0. */
export function exactMatch(
  prediction: string,
  reference: string,
  options: Pick<ExactMatch, 'regexes_to_ignore' | 'ignore_case'>,
): number {
  const patterns = options.regexes_to_ignore.map(pythonRegex);
  const normalise = (text: string) => {
    const kept = patterns.reduce((rest, pattern) => rest.replaceAll(pattern, ''), text);
    return options.ignore_case ? kept.toLowerCase() : kept;
  };
  return normalise(prediction) === normalise(reference) ? 1 : 0;
}
