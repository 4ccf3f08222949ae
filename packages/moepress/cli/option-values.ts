import { availableParallelism } from 'node:os';
import { parseJson } from '@moepress/core';
import { InvalidArgumentError } from 'commander';

/** Parsers of option values; what they throw is shown with the option's name. */

export function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value < 1) return value;
  throw new InvalidArgumentError('Must be at least 0 and below 1, for example 0.5.');
}

export function positive(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('Must be a number above 0.');
}

export function integer(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text.trim()) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('Must be a whole number from 0 to 2^53 - 1.');
}

/** A whole number of things, at least one. */
export function count(text: string): number {
  const value = integer(text);
  if (value >= 1) return value;
  throw new InvalidArgumentError('Must be at least 1.');
}

/** A TCP port; 0 means any free port. */
export function port(text: string): number {
  const value = integer(text);
  if (value < 65536) return value;
  throw new InvalidArgumentError('Must be from 0 to 65535.');
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** `4GB`, `512 MiB` or a number of bytes. */
export function bytes(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(text.trim().toLowerCase()) ?? [];
  const size = Number(number) * (units[unit ?? ''] ?? Number.NaN);
  if (Number.isFinite(size)) return Math.round(size);
  throw new InvalidArgumentError('Must be a size such as 4GB, 512MB or 2GiB.');
}

export function threads(text: string): number {
  const value = integer(text);
  if (value >= 1 && value <= 4 * availableParallelism()) return value;
  throw new InvalidArgumentError(`Must be from 1 to ${4 * availableParallelism()}.`);
}

export function path(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('Must name a file or folder.');
}

/** `a, b` */
export function list(text: string): string[] {
  const items = text.split(',').map((item) => item.trim());
  if (!items.includes('')) return items;
  throw new InvalidArgumentError('Must be names with commas between them.');
}

/** Collects the values of an option that may be repeated. */
export function repeated(text: string, earlier: readonly string[] = []): string[] {
  if (text !== '') return [...earlier, text];
  throw new InvalidArgumentError('Must not be empty.');
}

/** The value of an option that may stand without one, which then means true. */
export function yesOrNo(text: string): boolean {
  const value = text.toLowerCase();
  if (['true', '1', 'yes'].includes(value)) return true;
  if (['false', '0', 'no'].includes(value)) return false;
  throw new InvalidArgumentError('Must be true or false.');
}

/** The id of a token, or a text. */
export const tokenOrText = (text: string): string | number => (/^\d+$/.test(text) ? Number(text) : text);

/** `{"name": value}`, or `name=value` with commas between; values are JSON where they parse as such, else text. */
export function templateArguments(text: string): Record<string, unknown> {
  if (text.trim().startsWith('{')) {
    const given = parseValue(text);
    if (typeof given === 'object' && given !== null) return given as Record<string, unknown>;
    throw new InvalidArgumentError('Must be JSON.');
  }
  const pairs = list(text).map((pair) => {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new InvalidArgumentError('Must be <name>=<value>, or JSON.');
    return [pair.slice(0, equals), parseValue(pair.slice(equals + 1))] as const;
  });
  return Object.fromEntries(pairs);
}

/** Collects `--option name=value`; values are JSON where they parse as such, else text. */
export function methodOption(
  text: string,
  earlier: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Must be <name>=<value>.');
  const name = text.slice(0, equals);
  if (ownOptions.includes(name)) throw new InvalidArgumentError(`Give --${name} instead.`);
  return { ...earlier, [name]: parseValue(text.slice(equals + 1)) };
}

/** Options every method has, and the command line spells out. */
const ownOptions = ['ratio', 'seed'];

/** A value that is JSON where it parses as such, else text. */
export const jsonValue = (text: string): unknown => parseValue(text);

function parseValue(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
