import { MoepressError } from '@moepress/core';

/** An option by its path, and its value, which TypeScript may not have checked. */
interface Option {
  readonly where: string;
  readonly value: unknown;
}

/** Throws `INPUT_INVALID` unless the option is absent or one of the choices. */
export function checkChoice({ where, value }: Option, choices: readonly string[]): void {
  if (value === undefined || choices.includes(value as string)) return;
  throw invalidOption({ where, value }, `one of ${choices.join(', ')}`);
}

/** Throws `INPUT_INVALID` unless the option is absent or a finite number of at least `least`, whole if `isWhole`. */
export function checkNumber({ where, value }: Option, least: number, isWhole = true): void {
  const isNumber = isWhole ? Number.isInteger(value) : Number.isFinite(value);
  if (value === undefined || (isNumber && (value as number) >= least)) return;
  throw invalidOption({ where, value }, `a ${isWhole ? 'whole ' : ''}number of at least ${least}`);
}

/** Throws `INPUT_INVALID` unless the value is a text that is not empty. */
export function checkText({ where, value }: Option, expected: string): void {
  if (typeof value === 'string' && value !== '') return;
  throw invalidOption({ where, value }, expected);
}

/** Throws `INPUT_INVALID` unless the value is a list of which `isItem` holds for every item. */
export function checkList(
  { where, value }: Option,
  expected: string,
  isItem: (item: unknown) => boolean,
): void {
  if (Array.isArray(value) && value.every(isItem)) return;
  throw invalidOption({ where, value }, expected);
}

export const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Does what knows options by names of its own: an error about one of them names it as `names` says. */
export async function renaming<Result>(
  names: Readonly<Record<string, string>>,
  use: () => Promise<Result>,
): Promise<Result> {
  try {
    return await use();
  } catch (error) {
    throw renamed(error, names);
  }
}

/** The error with another name of the option that it is about. */
export function renamed(error: unknown, names: Readonly<Record<string, string>>): unknown {
  if (!MoepressError.isInstance(error)) return error;
  const { code, message, where = '', hint, cause } = error;
  if (!Object.hasOwn(names, where)) return error;
  return new MoepressError(code, { message, where: names[where], hint, cause });
}

/** `INPUT_INVALID` for an option that is not what is expected, such as "one of compact, masked". */
export function invalidOption({ where, value }: Option, expected: string): MoepressError {
  return new MoepressError('INPUT_INVALID', {
    message: `${shown(value)} is given, and ${expected} is expected.`,
    where,
    hint: `Give ${expected}.`,
  });
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`;
  if (Array.isArray(value)) return value.length === 0 ? 'An empty list' : 'A list';
  return isObject(value) ? 'An object' : typeof value === 'function' ? 'A function' : String(value);
}
