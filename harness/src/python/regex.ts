import { pythonSpace } from './text.js';

const classEscapes: Readonly<Record<string, string>> = { d: '\\p{Nd}', s: pythonSpace, w: '\\p{L}\\p{N}_' };
const controlEscapes = 'nrtfv';
const syntaxCharacters = '^$\\.*+?()[]{}|/';

/**
 * A Python `re` pattern as a global JavaScript expression. They differ in `.` (only newline is
 * excluded, nothing under a leading `(?s)`), in `$` (also matches before a final newline) and in what
 * `\s`, `\d` and `\w` cover. Look-behind, named groups and inline flags other than `(?s)` are not used
 * by any task and are not translated.
 */
export function pythonRegex(pattern: string): RegExp {
  const dotAll = pattern.startsWith('(?s)');
  const source = dotAll ? pattern.slice(4) : pattern;
  let result = '';
  let inClass = false;
  for (let i = 0; i < source.length; i++) {
    const char = source[i]!;
    if (char === '\\') result += translateEscape(source[++i] ?? '', inClass);
    else if (inClass) {
      if (char === ']') inClass = false;
      result += char;
    } else if (char === '[') {
      inClass = true;
      result += char;
    } else if (char === '.') result += dotAll ? '[^]' : '[^\\n]';
    else if (char === '$') result += '(?=\\n?$)';
    else result += char;
  }
  // What begins with anything at all matches from the first place, or from none: no later one is tried.
  const fromAnywhere = dotAll && source.startsWith('.*');
  return new RegExp(result, fromAnywhere ? 'guy' : 'gu');
}

function translateEscape(escaped: string, inClass: boolean): string {
  const set = classEscapes[escaped];
  if (set) return inClass ? set : `[${set}]`;
  if (controlEscapes.includes(escaped) || syntaxCharacters.includes(escaped)) return `\\${escaped}`;
  if (escaped === '-' && inClass) return '\\-';
  if (/[a-z0-9]/i.test(escaped)) throw new SyntaxError(`Python escape \\${escaped} is not supported`);
  return escaped;
}

/** One match of `re.findall`: the groups if the pattern has several, the only group, or the whole match. */
export type FoundMatch = string | readonly string[];

/** `re.findall(pattern, text)`; a group that took no part is the empty string. */
export function findAll(pattern: RegExp, text: string): FoundMatch[] {
  return [...text.matchAll(pattern)].map(([whole, ...groups]) => {
    const values = groups.map((group: string | undefined) => group ?? '');
    return values.length > 1 ? values : (values[0] ?? whole);
  });
}
