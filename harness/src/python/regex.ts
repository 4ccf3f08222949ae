import { ClassReader, classEscapes, isClassEscape } from './regex-class.js';

const controlEscapes = 'nrtfv';
const word = `[${classEscapes.w}]`;

/** What stands for an escape outside a class, as the source of an expression with the flag `v`. */
const escapes: Readonly<Record<string, string>> = {
  A: '(?<!.)',
  Z: '(?!.)',
  b: `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`,
  B: `(?:(?<=${word})(?=${word})|(?<!${word})(?!${word}))`,
  a: '\\x07',
};

/** Groups that are written alike: not captured, looked ahead or back for, and flags for a part. */
const alike = /^\(\?(?:[:=!]|<[=!])/;

interface Flags {
  readonly dotAll: boolean;
  readonly multiline: boolean;
  readonly ignoreCase: boolean;
}

/**
 * A Python `re` pattern as a global JavaScript expression. They differ in `.` (only newline is excluded, nothing with
 * the flag `s`), in `$` (also matches before a final newline), in what `\s`, `\d`, `\w` and `\b` cover, in how named
 * groups, numbers of repetitions and flags at the beginning are written. Throws a `SyntaxError` for a pattern that is
 * none, and for atomic groups, possessive quantifiers, conditions, verbose patterns and flags for a part.
 */
export function pythonRegex(pattern: string): RegExp {
  const [, letters = ''] = /^\(\?([aiLmsux]+)\)/.exec(pattern) ?? [];
  if (/[aLx]/.test(letters)) throw unsupported(`the flags (?${letters})`);
  const flags = {
    dotAll: letters.includes('s'),
    multiline: letters.includes('m'),
    ignoreCase: letters.includes('i'),
  };
  const source = letters === '' ? pattern : pattern.slice(letters.length + 3);
  // What begins with anything at all matches from the first place, or from none: no later one is tried.
  const fromAnywhere = flags.dotAll && source.startsWith('.*');
  return new RegExp(translated(source, flags), `gsv${flags.ignoreCase ? 'i' : ''}${fromAnywhere ? 'y' : ''}`);
}

function translated(source: string, flags: Flags): string {
  let result = '';
  for (let at = 0; at < source.length; ) {
    const [text, length] = next(source, at, flags);
    result += text;
    at += length;
  }
  return result;
}

/** What stands for the next piece of a pattern, and the length of that piece. */
function next(source: string, at: number, { dotAll, multiline }: Flags): readonly [string, number] {
  const char = source[at]!;
  switch (char) {
    case '\\':
      return [escapeText(source[at + 1] ?? ''), 2];
    case '[':
      return new ClassReader(source, at).read();
    case '.':
      return [dotAll ? '.' : '[^\\n]', 1];
    case '$':
      return [multiline ? '(?=\\n|(?!.))' : '(?=\\n?(?!.))', 1];
    case '^':
      return [multiline ? '(?<=\\n|(?<!.))' : '(?<!.)', 1];
    case '(':
      return group(source, at);
    case '{': {
      const [whole, least, most] = /^\{(\d*)(,\d*)?\}/.exec(source.slice(at)) ?? [];
      const isCount = whole !== undefined && whole !== '{}' && whole !== '{,}';
      return isCount ? [`{${least || '0'}${most ?? ''}}`, whole.length] : ['\\{', 1];
    }
    case ']':
    case '}':
    case '/':
      return [`\\${char}`, 1];
    case '*':
    case '+':
    case '?':
      if (source[at + 1] === '+') throw unsupported('a possessive quantifier');
      return [char, 1];
    default: {
      const whole = String.fromCodePoint(source.codePointAt(at)!);
      return [whole, whole.length];
    }
  }
}

function group(source: string, at: number): readonly [string, number] {
  const rest = source.slice(at);
  if (!rest.startsWith('(?')) return ['(', 1];
  const [same] = alike.exec(rest) ?? [];
  if (same) return [same, same.length];
  const [named, name] = /^\(\?P<(\w+)>/.exec(rest) ?? [];
  if (named) return [`(?<${name}>`, named.length];
  const [backwards, group] = /^\(\?P=(\w+)\)/.exec(rest) ?? [];
  if (backwards) return [`\\k<${group}>`, backwards.length];
  const [comment] = /^\(\?#[^)]*\)/.exec(rest) ?? [];
  if (comment) return ['', comment.length];
  throw unsupported(`the group ${rest.slice(0, 4)}`);
}

function escapeText(escaped: string): string {
  if (isClassEscape(escaped)) {
    const set = classEscapes[escaped.toLowerCase() as keyof typeof classEscapes];
    return escaped === escaped.toLowerCase() ? `[${set}]` : `[^${set}]`;
  }
  if (Object.hasOwn(escapes, escaped)) return escapes[escaped]!;
  if (controlEscapes.includes(escaped) && escaped !== '') return `\\${escaped}`;
  if (/[1-9]/.test(escaped)) return `(?:\\${escaped})`;
  if (escaped === 'x' || escaped === 'u') return `\\${escaped}`;
  if (/[a-z0-9]/i.test(escaped) || escaped === '') throw unsupported(`the escape \\${escaped}`);
  return `\\u{${escaped.codePointAt(0)!.toString(16)}}`;
}

export const unsupported = (what: string): SyntaxError =>
  new SyntaxError(`${what} of a Python pattern is not supported`);

/** `re.escape(text)`, for a pattern of `pythonRegex`. */
export const escapePattern = (text: string): string => text.replace(/[^\p{L}\p{N}_]/gu, '\\$&');

/** One match of `re.findall`: the groups if the pattern has several, the only group, or the whole match. */
export type FoundMatch = string | readonly string[];

/** `re.findall(pattern, text)`; a group that took no part is the empty string. */
export function findAll(pattern: RegExp, text: string): FoundMatch[] {
  return [...text.matchAll(pattern)].map(([whole, ...groups]) => {
    const values = groups.map((group: string | undefined) => group ?? '');
    return values.length > 1 ? values : (values[0] ?? whole);
  });
}
