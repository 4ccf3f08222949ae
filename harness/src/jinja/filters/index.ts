import { bind, or, text } from '../arguments.js';
import { memberOf } from '../attributes.js';
import { TemplateError } from '../template-error.js';
import { isTrue, type Named, Undefined, type Value } from '../values.js';
import { type Filter, filter, type Runtime } from './kit.js';
import { listFilters } from './list-filters.js';
import { numberFilters } from './number-filters.js';
import { textFilters } from './text-filters.js';

const fallback = filter(['default_value', 'boolean'], (value, given) => {
  const isMissing = value instanceof Undefined || (isTrue(or(given.boolean, false)) && !isTrue(value));
  return isMissing ? or(given.default_value, '') : value;
});

/**
 * Filters of jinja2 and transformers. Not here, and so refused, are those that mark texts as safe HTML, of which other
 * texts are then escaped, those for web pages, and `random`.
 */
const filters: Readonly<Record<string, Filter>> = {
  ...listFilters,
  ...numberFilters,
  ...textFilters,
  attr: filter(['name'], (value, { name }) => or(memberOf(value, text(name)), new Undefined(text(name)))),
  d: fallback,
  default: fallback,
};

export const isFilter = (name: string): boolean => Object.hasOwn(filters, name);

/** `value|name(...)`. Throws `TemplateError` for a filter that is not known. */
export function runFilter(
  name: string,
  value: Value,
  { positional, named }: { readonly positional: readonly Value[]; readonly named: Named },
  runtime: Runtime,
): Value {
  const known = isFilter(name) ? filters[name] : undefined;
  if (!known) throw new TemplateError(`the filter "${name}" is not known`);
  const given = known.parameters ? bind(`the filter "${name}"`, known.parameters, positional, named) : {};
  return known.run(value, given, { runtime, positional, named });
}
