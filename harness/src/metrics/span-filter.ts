import { pythonRegex } from '../python/regex.js';
import { strip } from '../python/text.js';

/** Names of entities in answers, and those of the references. */
const labels: Readonly<Record<string, string>> = {
  person: 'PER',
  location: 'LOC',
  organization: 'ORG',
  counties: 'LOC',
  places: 'LOC',
  people: 'PER',
  persons: 'PER',
  company: 'ORG',
  country: 'LOC',
  continent: 'LOC',
  time: 'DATE',
  date: 'DATE',
  per: 'PER',
  loc: 'LOC',
  org: 'ORG',
};

const named = Object.entries(labels).map(
  ([name, label]) => [pythonRegex(`\\b${name}\\s*:`), `${label}:`] as const,
);
const entity = pythonRegex('\\b(PER|LOC|ORG|DATE):\\s*([^$]+)');

/**
 * The entities that an answer names, as `SPANFilter` of lm-evaluation-harness 0.4.13 (filters/transformation.py) writes
 * them: `loc: kenya $ loc: uganda`.
 */
export function namedEntities(answer: string): string {
  const labelled = named.reduce(
    (text, [pattern, label]) => text.replaceAll(pattern, label),
    answer.toLowerCase(),
  );
  const parted = labelled.split('$$').join('$').replace(/\$+$/, '').replaceAll('\n', '$');
  const found = [...strip(parted).matchAll(entity)].flatMap(([, label, values]) =>
    values!
      .split(',')
      .map(strip)
      .filter((value) => value.toLowerCase() !== 'none')
      .map((value) => `${label!.toLowerCase()}: ${value}`),
  );
  return found.join(' $ ');
}

const tagged = pythonRegex("\\('([^']*)', '([^']*)'\\)");

/** The parts of speech that an answer lists as `('token', 'TAG')`, by `POSFilter`; null if there are none. */
export function tagsIn(answer: string): string[] | null {
  const tags = [...answer.matchAll(tagged)].map(([, , tag]) => tag!);
  return tags.length > 0 ? tags : null;
}
