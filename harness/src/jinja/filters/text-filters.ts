import { integer, or, text } from '../arguments.js';
import { capitalised } from '../casing.js';
import { arithmetic, limited } from '../operators.js';
import { centred, replaced, splitLines, stripped } from '../strings.js';
import { TemplateError } from '../template-error.js';
import { dumpJson, type JsonOptions } from '../tojson.js';
import { textOf } from '../value-text.js';
import { Dict, isTrue, Tuple, type Value } from '../values.js';
import { type Filter, filter } from './kit.js';

const onText = (run: (of: string) => Value) => filter([], (value) => run(textOf(value)));

/** Words that blanks, hyphens and opening brackets set apart. */
const titleParts = /([-\s({[<]+)/;

function titleOf(of: string): string {
  return of
    .split(titleParts)
    .map((part) => {
      const [head = '', ...rest] = part;
      return head.toUpperCase() + rest.join('').toLowerCase();
    })
    .join('');
}

function indented(of: string, width: Value | undefined, first: boolean, blank: boolean): string {
  const margin =
    typeof width === 'string' ? width : ' '.repeat(Math.min(10_000, Math.max(0, integer(width, 4))));
  // With a line break at its end, so that a last empty line counts.
  const lines = splitLines(`${of}\n`, false);
  const rest = lines.slice(1).map((line) => (line !== '' || blank ? margin + line : line));
  const body = blank ? lines.join(`\n${margin}`) : [lines[0] ?? '', ...rest].join('\n');
  return limited((first ? margin : '') + body);
}

function truncated(of: string, given: Readonly<Record<string, Value | undefined>>): string {
  const [length, leeway] = [integer(given.length, 255), integer(given.leeway ?? undefined, 5)];
  const end = text(given.end, '...');
  const chars = [...of];
  const endLength = [...end].length;
  if (length < endLength || leeway < 0) throw new TemplateError('the length is shorter than the end');
  if (chars.length <= length + leeway) return of;
  const kept = chars.slice(0, length - endLength).join('');
  if (isTrue(or(given.killwords, false))) return kept + end;
  const at = kept.lastIndexOf(' ');
  return (at < 0 ? kept : kept.slice(0, at)) + end;
}

function jsonOptions(given: Readonly<Record<string, Value | undefined>>): JsonOptions {
  const { indent, separators } = given;
  const isOff = indent === undefined || indent === null;
  const margin = isOff
    ? null
    : typeof indent === 'string'
      ? indent
      : ' '.repeat(Math.min(100, Math.max(0, integer(indent, 0))));
  const own = Array.isArray(separators) ? separators : separators instanceof Tuple ? separators.items : null;
  if (own && own.length !== 2) throw new TemplateError('there are two separators');
  return {
    ascii: isTrue(or(given.ensure_ascii, false)),
    indent: margin,
    separators: own ? [text(own[0]), text(own[1])] : [margin === null ? ', ' : ',', ': '],
    sorted: isTrue(or(given.sort_keys, false)),
  };
}

export const textFilters: Readonly<Record<string, Filter>> = {
  capitalize: onText(capitalised),
  center: filter(['width'], (value, given) => {
    const of = textOf(value);
    const width = Math.min(integer(given.width, 80), 10_000);
    const [left, right] = width > [...of].length ? centred(of, width) : [0, 0];
    return ' '.repeat(left) + of + ' '.repeat(right);
  }),
  format: filter(null, (value, _, { positional, named }) => {
    if (positional.length > 0 && named.size > 0)
      throw new TemplateError('format takes values by place or by name');
    return arithmetic('%', textOf(value), named.size > 0 ? new Dict(named) : new Tuple(positional));
  }),
  indent: filter(['width', 'first', 'blank'], (value, given) =>
    indented(text(value), given.width, isTrue(or(given.first, false)), isTrue(or(given.blank, false))),
  ),
  lower: onText((of) => of.toLowerCase()),
  replace: filter(['old', 'new', 'count'], (value, given) => {
    const count = given.count === null ? -1 : integer(given.count, -1);
    if (given.old === undefined || given.new === undefined)
      throw new TemplateError('replace needs two texts');
    return replaced(textOf(value), textOf(given.old), textOf(given.new), count);
  }),
  string: onText((of) => of),
  title: onText(titleOf),
  tojson: filter(['ensure_ascii', 'indent', 'separators', 'sort_keys'], (value, given) =>
    dumpJson(value, jsonOptions(given)),
  ),
  trim: filter(['chars'], (value, { chars }) => stripped(textOf(value), chars, true, true)),
  truncate: filter(['length', 'killwords', 'end', 'leeway'], (value, given) => truncated(text(value), given)),
  upper: onText((of) => of.toUpperCase()),
  wordcount: onText((of) => BigInt(of.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)),
};
