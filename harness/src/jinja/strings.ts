import { pythonSpace } from '../python/text.js';
import { bind, integer, or, text } from './arguments.js';
import { capitalised, isOfCase, isTitle, swapped, title } from './casing.js';
import { formatBraces } from './format-braces.js';
import { limited } from './operators.js';
import { TemplateError } from './template-error.js';
import { iterate, type Named, Tuple, typeName, type Value } from './values.js';

const spaces = new RegExp(`[${pythonSpace}]`);

/** `text.strip(chars)` on the sides that are named. */
export function stripped(of: string, chars: Value | undefined, left: boolean, right: boolean): string {
  const set = chars === undefined || chars === null ? null : new Set(text(chars));
  const goes = (char: string) => (set === null ? spaces.test(char) : set.has(char));
  const all = [...of];
  let [start, end] = [0, all.length];
  while (left && start < end && goes(all[start]!)) start++;
  while (right && end > start && goes(all[end - 1]!)) end--;
  return all.slice(start, end).join('');
}

type Method = (of: string, positional: readonly Value[], named: Named) => Value;

/** A method with parameters of these names. */
const method =
  (names: readonly string[], run: (of: string, given: ReturnType<typeof bind>) => Value): Method =>
  (of, positional, named) =>
    run(of, bind('the method', names, positional, named));

const plain = (run: (of: string) => Value): Method => method([], run);

/** Whether all characters, of which there must be one, are of a kind. */
const every = (pattern: RegExp) =>
  plain((of) => of !== '' && Array.from(of).every((char) => pattern.test(char)));

const strip = (left: boolean, right: boolean) =>
  method(['chars'], (of, { chars }) => stripped(of, chars, left, right));

/** Positions count characters, not units of UTF-16. */
const toUnits = (of: string, index: number) => [...of].slice(0, index).join('').length;
const toCharacters = (of: string, units: number) => [...of.slice(0, units)].length;

function window(of: string, start: Value | undefined, end: Value | undefined): [number, number] {
  const length = [...of].length;
  const clamp = (value: Value | undefined, fallback: number) => {
    const index = value === null ? fallback : integer(value, fallback);
    return Math.min(length, Math.max(0, index < 0 ? index + length : index));
  };
  return [toUnits(of, clamp(start, 0)), toUnits(of, clamp(end, length))];
}

const search = (last: boolean, strict: boolean) =>
  method(['sub', 'start', 'end'], (of, { sub, start, end }) => {
    const [from, to] = window(of, start, end);
    const part = of.slice(from, to);
    const at = last ? part.lastIndexOf(text(sub)) : part.indexOf(text(sub));
    if (at < 0 && strict) throw new TemplateError('the text was not found');
    return at < 0 ? -1n : BigInt(toCharacters(of, from + at));
  });

const affix = (has: (of: string, part: string) => boolean) =>
  method(['affix', 'start', 'end'], (of, { affix: given, start, end }) => {
    const [from, to] = window(of, start, end);
    const part = of.slice(from, to);
    if (given instanceof Tuple) return given.items.some((one) => has(part, text(one)));
    return has(part, text(given));
  });

function split(of: string, sep: Value | undefined, most: number, right: boolean): string[] {
  if (sep === undefined || sep === null) return splitAtSpaces(of, most, right);
  const by = text(sep);
  if (by === '') throw new TemplateError('a text cannot be split by nothing');
  const parts = of.split(by);
  if (most < 0 || parts.length <= most + 1) return parts;
  return right
    ? [parts.slice(0, parts.length - most).join(by), ...parts.slice(parts.length - most)]
    : [...parts.slice(0, most), parts.slice(most).join(by)];
}

function splitAtSpaces(of: string, most: number, right: boolean): string[] {
  const words = [...of.matchAll(new RegExp(`[^${pythonSpace}]+`, 'g'))];
  if (most < 0 || words.length <= most) return words.map(([word]) => word);
  if (!right) {
    const rest = words[most];
    const head = words.slice(0, most).map(([word]) => word);
    return rest ? [...head, stripped(of.slice(rest.index), undefined, false, most === 0)] : head;
  }
  const kept = words.slice(words.length - most).map(([word]) => word);
  const last = words[words.length - most - 1];
  return last
    ? [of.slice(0, last.index + last[0].length).replace(new RegExp(`^[${pythonSpace}]+`), ''), ...kept]
    : kept;
}

const splitting = (right: boolean) =>
  method(['sep', 'maxsplit'], (of, { sep, maxsplit }) => split(of, sep, integer(maxsplit, -1), right));

const partition = (last: boolean) =>
  method(['sep'], (of, { sep }) => {
    const by = text(sep);
    if (by === '') throw new TemplateError('a text cannot be split by nothing');
    const at = last ? of.lastIndexOf(by) : of.indexOf(by);
    if (at < 0) return new Tuple(last ? ['', '', of] : [of, '', '']);
    return new Tuple([of.slice(0, at), by, of.slice(at + by.length)]);
  });

const pad = (place: (missing: number) => [number, number]) =>
  method(['width', 'fillchar'], (of, { width, fillchar }) => {
    const fill = text(fillchar, ' ');
    if ([...fill].length !== 1) throw new TemplateError('a text is filled up with one character');
    const missing = integer(width, 0) - [...of].length;
    if (missing <= 0) return of;
    const [before, after] = place(missing);
    return limited(fill.repeat(Math.min(before, 2 ** 24)) + of + fill.repeat(Math.min(after, 2 ** 24)));
  });

/** Centres as Python does: the odd space goes left where the width is odd. */
export const centred = (of: string, width: number): [number, number] => {
  const missing = width - [...of].length;
  const left = Math.floor(missing / 2) + (missing & width & 1);
  return [left, missing - left];
};

/** `text.replace(old, new, count)`. */
export function replaced(of: string, old: string, by: string, count: number): string {
  const most = count < 0 ? Number.POSITIVE_INFINITY : count;
  if (old === '') {
    const chars = [...of];
    const filled = chars.map((char, i) => (i < most ? by + char : char)).join('');
    return limited(filled + (chars.length < most ? by : ''));
  }
  const parts = of.split(old);
  const done = Math.min(most, parts.length - 1);
  return limited(
    parts.slice(0, done + 1).join(by) +
      parts
        .slice(done + 1)
        .map((part) => old + part)
        .join(''),
  );
}

/** What ends a line in Python, by itself or, of the first two together, as one. */
const lineEnds = '\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029';
const line = new RegExp(`[^${lineEnds}]*(?:\\r\\n|[${lineEnds}])|[^${lineEnds}]+$`, 'g');
const lineEnd = new RegExp(`(?:\\r\\n|[${lineEnds}])$`);

/** `text.splitlines(keep)`. */
export function splitLines(of: string, keep: boolean): string[] {
  const lines = of.match(line) ?? [];
  return keep ? lines : lines.map((one) => one.replace(lineEnd, ''));
}

/** Methods of `str`; what is not here is refused by name. */
export const stringMethods: Readonly<Record<string, Method>> = {
  upper: plain((of) => of.toUpperCase()),
  lower: plain((of) => of.toLowerCase()),
  casefold: plain((of) => of.toLowerCase().replaceAll('ß', 'ss').replaceAll('ς', 'σ')),
  title: plain(title),
  capitalize: plain(capitalised),
  swapcase: plain(swapped),
  strip: strip(true, true),
  lstrip: strip(true, false),
  rstrip: strip(false, true),
  split: splitting(false),
  rsplit: splitting(true),
  splitlines: method(['keepends'], (of, { keepends }) => splitLines(of, Boolean(keepends))),
  partition: partition(false),
  rpartition: partition(true),
  replace: method(['old', 'new', 'count'], (of, given) =>
    replaced(of, text(given.old), text(given.new), integer(given.count, -1)),
  ),
  find: search(false, false),
  rfind: search(true, false),
  index: search(false, true),
  rindex: search(true, true),
  count: method(['sub', 'start', 'end'], (of, { sub, start, end }) => {
    const [from, to] = window(of, start, end);
    const part = of.slice(from, to);
    return BigInt(text(sub) === '' ? [...part].length + 1 : part.split(text(sub)).length - 1);
  }),
  startswith: affix((of, part) => of.startsWith(part)),
  endswith: affix((of, part) => of.endsWith(part)),
  removeprefix: method(['prefix'], (of, { prefix }) =>
    of.startsWith(text(prefix)) ? of.slice(text(prefix).length) : of,
  ),
  removesuffix: method(['suffix'], (of, { suffix }) => {
    const end = text(suffix);
    return end !== '' && of.endsWith(end) ? of.slice(0, -end.length) : of;
  }),
  isdigit: every(/[\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089]/u),
  isdecimal: every(/\p{Nd}/u),
  isnumeric: every(/\p{N}/u),
  isalnum: every(/[\p{L}\p{N}]/u),
  isalpha: every(/\p{L}/u),
  isspace: every(spaces),
  isascii: plain((of) => Array.from(of).every((char) => char.codePointAt(0)! < 128)),
  isupper: plain((of) => isOfCase(of, true)),
  islower: plain((of) => isOfCase(of, false)),
  istitle: plain(isTitle),
  join: method(['items'], (of, { items }) => {
    const parts = Array.from(iterate(or(items, null)), (item) => {
      if (typeof item !== 'string') throw new TemplateError(`texts are joined, not a ${typeName(item)}`);
      return item;
    });
    return limited(parts.join(of));
  }),
  center: method(['width', 'fillchar'], (of, given) => {
    const width = integer(given.width, 0);
    const [left, right] = width > [...of].length ? centred(of, width) : [0, 0];
    return limited(
      text(given.fillchar, ' ').repeat(Math.min(left, 2 ** 24)) +
        of +
        text(given.fillchar, ' ').repeat(Math.min(right, 2 ** 24)),
    );
  }),
  ljust: pad((missing) => [0, missing]),
  rjust: pad((missing) => [missing, 0]),
  zfill: method(['width'], (of, { width }) => {
    const [, sign, rest] = /^([-+]?)([\s\S]*)$/.exec(of) as unknown as [string, string, string];
    return limited(sign + rest.padStart(Math.min(integer(width, 0), 2 ** 24) - sign.length, '0'));
  }),
  expandtabs: method(['tabsize'], (of, { tabsize }) => {
    const size = integer(tabsize, 8);
    let column = 0;
    return Array.from(of, (char) => {
      if (char === '\t') {
        const width = size > 0 ? size - (column % size) : 0;
        column += width;
        return ' '.repeat(width);
      }
      column = char === '\n' || char === '\r' ? 0 : column + 1;
      return char;
    }).join('');
  }),
  format: (of, positional, named) => limited(formatBraces(of, positional, named)),
};
