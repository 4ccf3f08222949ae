import { integer, or, text } from '../arguments.js';
import { fixed } from '../percent.js';
import { stripped } from '../strings.js';
import { TemplateError } from '../template-error.js';
import { asNumber, isNumeric, Undefined, type Value } from '../values.js';
import { type Filter, filter } from './kit.js';

/** `int(text, base)`, or null where Python has an error. */
function parseInteger(of: string, base: number): bigint | null {
  const [, sign, prefix, digits] =
    /^([-+]?)(0[xob])?([\w]+)$/i.exec(stripped(of, undefined, true, true)) ?? [];
  if (digits === undefined || /^_|__|_$/.test(digits)) return null;
  const named = prefix && { '0x': 16, '0o': 8, '0b': 2 }[prefix.toLowerCase()];
  if (prefix && named !== base && base !== 0) {
    // Of a large base these may be digits themselves.
    if (base < 12) return null;
  }
  const body = (
    named !== undefined && (named === base || base === 0) ? digits : (prefix ?? '') + digits
  ).replaceAll('_', '');
  const radix = base === 0 ? ((named as number) ?? 10) : base;
  let value = 0n;
  for (const char of body.toLowerCase()) {
    const digit = Number.parseInt(char, 36);
    if (Number.isNaN(digit) || digit >= radix) return null;
    value = value * BigInt(radix) + BigInt(digit);
  }
  return sign === '-' ? -value : value;
}

/** `float(text)`, or null where Python has an error. */
function parseFloatText(of: string): number | null {
  const body = stripped(of, undefined, true, true);
  if (/^[-+]?(?:inf|infinity|nan)$/i.test(body)) throw new TemplateError('infinity and NaN are not known');
  return /^[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:e[-+]?\d+)?$/i.test(body)
    ? Number(body.replaceAll('_', ''))
    : null;
}

function toInteger(value: Value, fallback: Value, base: number): Value {
  if (value instanceof Undefined) throw new TemplateError(`"${value.name}" is undefined`);
  if (typeof value === 'string') {
    const parsed = parseInteger(value, base);
    if (parsed !== null) return parsed;
    const float = parseFloatText(value);
    return float === null ? fallback : BigInt(Math.trunc(float));
  }
  if (!isNumeric(value)) return fallback;
  const number = asNumber(value);
  if (typeof number === 'bigint') return number;
  return Number.isFinite(number) ? BigInt(Math.trunc(number)) : fallback;
}

function toFloat(value: Value, fallback: Value): Value {
  if (value instanceof Undefined) throw new TemplateError(`"${value.name}" is undefined`);
  if (typeof value === 'string') return or(parseFloatText(value) ?? undefined, fallback);
  return isNumeric(value) ? Number(asNumber(value)) : fallback;
}

function rounded(value: Value, precision: number, method: string): Value {
  if (!isNumeric(value)) throw new TemplateError('a number is needed');
  if (!['common', 'ceil', 'floor'].includes(method))
    throw new TemplateError(`numbers are not rounded by "${method}"`);
  if (precision < 0 || precision > 15) throw new TemplateError('numbers are rounded to 0 to 15 digits');
  const number = asNumber(value);
  if (method === 'common') return typeof number === 'bigint' ? number : Number(fixed(number, precision));
  const by = 10 ** precision;
  return (method === 'ceil' ? Math.ceil(Number(number) * by) : Math.floor(Number(number) * by)) / by;
}

export const numberFilters: Readonly<Record<string, Filter>> = {
  abs: filter([], (value) => {
    if (!isNumeric(value)) throw new TemplateError('a number is needed');
    const number = asNumber(value);
    return typeof number === 'bigint' ? (number < 0n ? -number : number) : Math.abs(number);
  }),
  float: filter(['default'], (value, given) => toFloat(value, or(given.default, 0))),
  int: filter(['default', 'base'], (value, given) =>
    toInteger(value, or(given.default, 0n), integer(given.base, 10)),
  ),
  round: filter(['precision', 'method'], (value, given) =>
    rounded(value, integer(given.precision, 0), text(given.method, 'common')),
  ),
};
