import { TemplateError } from './template-error.js';
import { reprOf, textOf } from './value-text.js';
import { asNumber, Dict, isNumeric, Range, Tuple, typeName, type Value } from './values.js';

const directive = /%(?:\(([^)]*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\d+))?[hlL]?([\s\S])/g;

/** The groups of `directive`. */
type Directive = [
  key: string | undefined,
  flags: string,
  width: string | undefined,
  precision: string | undefined,
  type: string,
];

/** `format % given`. Throws `TemplateError` where Python has an error, and for `*`, `g` and alternate forms. */
export function formatPercent(format: string, given: Value): string {
  const values = given instanceof Tuple ? [...given.items] : [given];
  let used = 0;
  const text = format.replace(directive, (whole, ...groups) => {
    const [key, flags, width, precision, type] = groups as Directive;
    if (whole.startsWith('%') && type === '%') return '%';
    if (width === '*' || flags.includes('#')) throw new TemplateError(`"${whole}" is not known`);
    let value: Value;
    if (key !== undefined) {
      const found = given instanceof Dict ? given.get(key) : undefined;
      if (found === undefined) throw new TemplateError(`there is nothing for "${whole}"`);
      value = found;
    } else {
      if (used >= values.length) throw new TemplateError('there are too few values for the format');
      value = values[used++]!;
    }
    return padded(
      converted(type, value, precision === undefined ? null : Number(precision)),
      flags,
      Number(width ?? 0),
      type,
    );
  });
  if (/%$/.test(format.replace(/%%/g, ''))) throw new TemplateError('the format is not whole');
  // What has items of its own, but for tuples and texts, need not be used.
  const isFree = given instanceof Dict || Array.isArray(given) || given instanceof Range;
  if (!isFree && used < values.length) throw new TemplateError('not all values have a place in the format');
  return text;
}

function converted(type: string, value: Value, precision: number | null): string {
  switch (type) {
    case 's':
      return cut(textOf(value), precision);
    case 'r':
      return cut(reprOf(value), precision);
    case 'a':
      return cut(
        reprOf(value).replace(/[\x80-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
        precision,
      );
    case 'd':
    case 'i':
    case 'u':
      return withDigits(String(whole(value)), precision);
    case 'x':
      return withDigits(whole(value, true).toString(16), precision);
    case 'X':
      return withDigits(whole(value, true).toString(16).toUpperCase(), precision);
    case 'o':
      return withDigits(whole(value, true).toString(8), precision);
    case 'f':
    case 'F':
      return fixed(Number(number(value)), precision ?? 6);
    case 'e':
    case 'E': {
      const text = exponential(Number(number(value)), precision ?? 6);
      return type === 'E' ? text.toUpperCase() : text;
    }
    case 'c':
      if (typeof value === 'string' && [...value].length === 1) return value;
      return String.fromCodePoint(Number(whole(value, true)));
    default:
      throw new TemplateError(`the format "%${type}" is not known`);
  }
}

const cut = (text: string, precision: number | null) =>
  precision === null ? text : [...text].slice(0, precision).join('');

function withDigits(text: string, precision: number | null): string {
  const [sign, digits] = text.startsWith('-') ? ['-', text.slice(1)] : ['', text];
  return sign + digits.padStart(precision ?? 0, '0');
}

function number(value: Value): bigint | number {
  if (isNumeric(value)) return asNumber(value);
  throw new TemplateError(`a number is needed, not ${typeName(value)}`);
}

/** Floats lose their fraction, but have no other digits than decimal ones. */
function whole(value: Value, strict = false): bigint {
  const given = number(value);
  if (typeof given === 'bigint') return given;
  if (strict || !Number.isFinite(given)) throw new TemplateError('an integer is needed');
  return BigInt(Math.trunc(given));
}

/** Fixed digits; where a value lies just between two, the even one, since JavaScript takes the larger. */
export function fixed(value: number, digits: number): string {
  if (!Number.isFinite(value) || Math.abs(value) >= 1e21 || digits > 100) {
    throw new TemplateError('a number is too large');
  }
  const magnitude = Math.abs(value);
  // An odd number of these lies between two decimals of so many digits: 10 has no other factors than 2 and 5.
  const halves = magnitude * 2 ** (digits + 1);
  const isBetween = Number.isSafeInteger(halves) && halves % 2 === 1;
  const text = isBetween ? evenBetween(BigInt(halves), digits) : magnitude.toFixed(digits);
  return value < 0 || Object.is(value, -0) ? `-${text}` : text;
}

function evenBetween(halves: bigint, digits: number): string {
  const below = (halves * 5n ** BigInt(digits)) / 2n;
  const text = String(below + (below % 2n)).padStart(digits + 1, '0');
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

export function exponential(value: number, digits: number): string {
  if (!Number.isFinite(value)) throw new TemplateError('a number is too large');
  return value.toExponential(digits).replace(/e([+-])(\d)$/, 'e$10$2');
}

function padded(text: string, flags: string, width: number, type: string): string {
  if (width > 10_000) throw new TemplateError('a field is too wide');
  const isNumber = !'srac'.includes(type);
  const sign =
    isNumber && !text.startsWith('-') ? (flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '') : '';
  const signedText = sign + text;
  const missing = width - [...signedText].length;
  if (missing <= 0) return signedText;
  if (flags.includes('-')) return signedText + ' '.repeat(missing);
  if (!flags.includes('0') || !isNumber) return ' '.repeat(missing) + signedText;
  const [, lead, digits] = /^([-+ ]?)([\s\S]*)$/.exec(signedText)!;
  return lead + '0'.repeat(missing) + digits;
}
