import { TemplateError } from './template-error.js';
import { type Named, typeName, type Value } from './values.js';

/** What a function was called with, by the names of its parameters. */
export type Given = Readonly<Record<string, Value | undefined>>;

/** Arguments by the names of parameters, in their order. Throws `TemplateError` for too many and for unknown names. */
export function bind(
  what: string,
  names: readonly string[],
  positional: readonly Value[],
  named: Named,
): Given {
  if (positional.length > names.length) throw new TemplateError(`${what} takes ${names.length} arguments`);
  const given: Record<string, Value | undefined> = {};
  for (const [i, value] of positional.entries()) given[names[i]!] = value;
  for (const [name, value] of named) {
    if (!names.includes(name) || given[name] !== undefined) {
      throw new TemplateError(`${what} has no use for an argument "${name}"`);
    }
    given[name] = value;
  }
  return given;
}

/** None is a value like others, so only what was not given at all has the fallback. */
export function or(value: Value | undefined, ...fallbacks: readonly (Value | undefined)[]): Value {
  return [value, ...fallbacks].find((one) => one !== undefined)!;
}

/** A whole number that was given, else the fallback. */
export function integer(value: Value | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  throw new TemplateError(`an integer is needed, not ${typeName(value)}`);
}

/** A text that was given, else the fallback; without one it must be given. */
export function text(value: Value | undefined, fallback?: string): string {
  if (typeof value === 'string') return value;
  if (value === undefined && fallback !== undefined) return fallback;
  throw new TemplateError(`a text is needed, not ${value === undefined ? 'nothing' : typeName(value)}`);
}
