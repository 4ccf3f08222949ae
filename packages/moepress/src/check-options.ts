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

/** `INPUT_INVALID` for an option that is not what is expected, such as "one of compact, masked". */
export function invalidOption({ where, value }: Option, expected: string): MoepressError {
  const shown = typeof value === 'string' ? `"${value}"` : String(value);
  return new MoepressError('INPUT_INVALID', {
    message: `${shown} is given, and ${expected} is expected.`,
    where,
    hint: `Give ${expected}.`,
  });
}
