import { exponential, fixed } from './percent.js';
import { TemplateError } from './template-error.js';
import { reprOf, textOf } from './value-text.js';
import { asNumber, Dict, isNumeric, type Named, Tuple, type Value } from './values.js';

const field = /\{\{|\}\}|\{([^{}!:]*)(?:!([rsa]))?(?::([^{}]*))?\}|[{}]/g;

/**
 * `format.format(...)`. Throws `TemplateError` where Python has an error, and for fields within fields, `g` and `n`.
 */
export function formatBraces(format: string, positional: readonly Value[], named: Named): string {
  let next = 0;
  return format.replace(
    field,
    (whole, name: string | undefined, conversion: string | undefined, spec = '') => {
      if (whole === '{{' || whole === '}}') return whole[0]!;
      if (name === undefined) throw new TemplateError('a brace of the format stands alone');
      const [, first, path] = /^([^.[]*)([\s\S]*)$/.exec(name) as unknown as [string, string, string];
      const root =
        first === ''
          ? positional[next++]
          : /^\d+$/.test(first)
            ? positional[Number(first)]
            : named.get(first);
      if (root === undefined) throw new TemplateError(`there is nothing for "${whole}"`);
      const value = follow(root, path, whole);
      if (conversion === 'a') throw new TemplateError(`"${whole}" is not known`);
      if (conversion) return formatValue(conversion === 'r' ? reprOf(value) : textOf(value), spec);
      return formatValue(value, spec);
    },
  );
}

/** `[key]`, as often as it stands there; fields of objects are not followed. */
function follow(root: Value, path: string, whole: string): Value {
  let value = root;
  for (const [step, key] of path.matchAll(/\[([^\]]*)\]|./g)) {
    const found =
      key === undefined
        ? undefined
        : value instanceof Dict
          ? value.get(key)
          : /^\d+$/.test(key)
            ? (Array.isArray(value) ? value : value instanceof Tuple ? value.items : [])[Number(key)]
            : undefined;
    if (found === undefined) throw new TemplateError(`"${whole}" cannot be followed at "${step}"`);
    value = found;
  }
  return value;
}

const specification = /^(?:([\s\S])?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/u;

/** `format(value, spec)`. */
export function formatValue(value: Value, spec: string): string {
  if (spec === '') return textOf(value);
  const match = specification.exec(spec);
  if (!match || match[4]) throw new TemplateError(`the format "${spec}" is not known`);
  const [, fill, align, sign = '-', , zero, width = '0', group, precision, type] = match;
  if (Number(width) > 10_000) throw new TemplateError('a field is too wide');
  const digits = precision === undefined ? null : Number(precision);
  const isNumber = isNumeric(value) && typeof value !== 'boolean';
  if (!isNumber && typeof value !== 'string')
    throw new TemplateError(`the format "${spec}" does not take this value`);
  const body = isNumber
    ? numberText(asNumber(value as bigint | number), { type, digits, group, sign })
    : stringText(value as string, { type, digits, group, align });
  const missing = Number(width) - [...body].length;
  if (missing <= 0) return body;
  const filler = fill ?? (zero ? '0' : ' ');
  switch (align ?? (zero && isNumber ? '=' : isNumber ? '>' : '<')) {
    case '<':
      return body + filler.repeat(missing);
    case '>':
      return filler.repeat(missing) + body;
    case '^':
      return filler.repeat(Math.floor(missing / 2)) + body + filler.repeat(Math.ceil(missing / 2));
    default: {
      const [, lead, rest] = /^([-+ ]?)([\s\S]*)$/.exec(body)!;
      return lead + filler.repeat(missing) + rest;
    }
  }
}

/** The parts of a format that say how a value is written. */
interface Style {
  readonly type: string | undefined;
  readonly digits: number | null;
  readonly group: string | undefined;
}

function stringText(
  value: string,
  { type, digits, group, align }: Style & { readonly align: string | undefined },
): string {
  if ((type !== undefined && type !== 's') || group || align === '=')
    throw new TemplateError('the format is one of numbers');
  return digits === null ? value : [...value].slice(0, digits).join('');
}

function numberText(
  value: bigint | number,
  { type, digits, group, sign }: Style & { readonly sign: string },
): string {
  const text = plainNumber(value, type, digits);
  const [, minus, whole, rest] = /^(-?)(\w*)([\s\S]*)$/.exec(text) as unknown as [
    string,
    string,
    string,
    string,
  ];
  const grouped = group ? whole.replace(/\B(?=(?:\w{3})+$)/g, group) : whole;
  return (minus || (sign === '-' ? '' : sign)) + grouped + rest;
}

function plainNumber(value: bigint | number, type: string | undefined, digits: number | null): string {
  switch (type) {
    case 'f':
    case 'F':
      return fixed(Number(value), digits ?? 6);
    case '%':
      return `${fixed(Number(value) * 100, digits ?? 6)}%`;
    case 'e':
    case 'E': {
      const text = exponential(Number(value), digits ?? 6);
      return type === 'E' ? text.toUpperCase() : text;
    }
    case undefined:
      if (digits === null) return textOf(value);
      throw new TemplateError('the format of floats without a type is not known');
    default: {
      const base = { d: 10, b: 2, o: 8, x: 16, X: 16 }[type];
      if (base === undefined || typeof value !== 'bigint' || digits !== null)
        throw new TemplateError(`the format "${type}" does not take this number`);
      const text = value.toString(base);
      return type === 'X' ? text.toUpperCase() : text;
    }
  }
}
