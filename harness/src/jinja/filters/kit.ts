import type { Given } from '../arguments.js';
import { item } from '../attributes.js';
import { TemplateError } from '../template-error.js';
import { type Named, typeName, Undefined, type Value } from '../values.js';

/** What filters may use of the template that runs. */
export interface Runtime {
  filter(name: string, value: Value, positional: readonly Value[], named: Named): Value;
  test(name: string, value: Value, given: readonly Value[]): boolean;
}

export interface Filter {
  /** Parameters after the value itself; null for any number. */
  readonly parameters: readonly string[] | null;
  run(value: Value, given: Given, call: Call): Value;
}

/** The call as it was made. */
export interface Call {
  readonly runtime: Runtime;
  readonly positional: readonly Value[];
  readonly named: Named;
}

export const filter = (parameters: Filter['parameters'], run: Filter['run']): Filter => ({ parameters, run });

/** `a.b.0` of each item, as filters take it under `attribute`; absent: the item itself. */
export function getterOf(path: Value | undefined, fallback?: Value): (of: Value) => Value {
  if (path === undefined || path === null) return (of) => of;
  if (typeof path !== 'string' && typeof path !== 'bigint')
    throw new TemplateError(`an attribute is named by a text, not ${typeName(path)}`);
  const parts = String(path)
    .split('.')
    .map((part): Value => (/^\d+$/.test(part) ? BigInt(part) : part));
  return (of) => {
    let value = of;
    for (const part of parts) {
      value = item(value, part);
      if (fallback !== undefined && value instanceof Undefined) value = fallback;
    }
    return value;
  };
}

/** Texts in lower case unless the case is told apart. */
export const foldedBy = (caseSensitive: boolean) => (value: Value) =>
  typeof value === 'string' && !caseSensitive ? value.toLowerCase() : value;
