import { availableParallelism } from 'node:os';
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
  if (/^\d+$/.test(text.trim())) return Number(text);
  throw new InvalidArgumentError('Must be a whole number, 0 or more.');
}

export function threads(text: string): number {
  const value = integer(text);
  if (value >= 1 && value <= 4 * availableParallelism()) return value;
  throw new InvalidArgumentError(`Must be from 1 to ${4 * availableParallelism()}.`);
}

export const list = (text: string): string[] => text.split(',').filter((item) => item !== '');

/** Collects `--option key=value`; values are JSON where they parse as such, else text. */
export function keyValue(text: string, earlier: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Must be <name>=<value>.');
  const value = text.slice(equals + 1);
  return { ...earlier, [text.slice(0, equals)]: parseValue(value) };
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
