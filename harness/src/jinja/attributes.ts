import { bind, or } from './arguments.js';
import { isEqual } from './operators.js';
import { stringMethods } from './strings.js';
import { TemplateError } from './template-error.js';
import {
  Callable,
  Dict,
  Fields,
  iterate,
  type Named,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from './values.js';

/** What Python has and this has not: refused by name, since jinja2 would not print nothing there. */
const unknown: Readonly<Record<string, readonly string[]>> = {
  str: ['encode', 'format_map', 'isidentifier', 'isprintable', 'maketrans', 'translate'],
  number: [
    ...['as_integer_ratio', 'bit_count', 'bit_length', 'conjugate', 'denominator', 'from_bytes', 'fromhex'],
    ...['hex', 'imag', 'is_integer', 'numerator', 'real', 'to_bytes'],
  ],
  // The sandbox that templates run in lets them change nothing.
  list: ['append', 'clear', 'extend', 'insert', 'pop', 'remove', 'reverse', 'sort'],
  dict: ['clear', 'fromkeys', 'pop', 'popitem', 'setdefault', 'update'],
};

/** `of.name`: a method or field, else what is under that key, else undefined. Throws `TemplateError`. */
export function attribute(of: Value, name: string): Value {
  return or(memberOf(of, name), of instanceof Dict ? of.get(name) : undefined, new Undefined(name));
}

/** `of[key]`: an item, else for a text what `attribute` gives, else undefined. Throws `TemplateError`. */
export function item(of: Value, key: Value): Value {
  if (of instanceof Undefined) throw new TemplateError(`"${of.name}" is undefined`);
  return or(
    itemOf(of, key),
    typeof key === 'string' ? memberOf(of, key) : undefined,
    new Undefined(nameOf(key)),
  );
}

const nameOf = (key: Value) => (typeof key === 'string' || typeof key === 'bigint' ? String(key) : 'an item');

/** A method or field of a value's own, undefined if there is none. Throws `TemplateError` for what is out of bounds. */
export function memberOf(of: Value, name: string): Value | undefined {
  if (of instanceof Undefined) throw new TemplateError(`"${of.name}" is undefined`);
  if (name.startsWith('__')) throw new TemplateError(`"${name}" is out of bounds`);
  if (of instanceof Fields) return of.fields.get(name);
  const kind = kindOf(of);
  if (unknown[kind]?.includes(name))
    throw new TemplateError(`"${name}" of a ${kind} is out of bounds or not known`);
  if (typeof of === 'string') {
    const method = Object.hasOwn(stringMethods, name) ? stringMethods[name]! : undefined;
    return method && new Callable(name, (positional, named) => method(of, positional, named));
  }
  const run = of instanceof Dict ? dictMethod(of, name) : sequenceMethod(of, name);
  return run && new Callable(name, run);
}

function kindOf(of: Value): string {
  if (typeof of === 'string') return 'str';
  if (of instanceof Dict) return 'dict';
  return Array.isArray(of) ? 'list' : typeof of === 'object' ? 'other' : 'number';
}

function dictMethod(of: Dict, name: string): Callable['call'] | undefined {
  switch (name) {
    case 'keys':
    case 'values':
    case 'items':
      return (positional, named) => {
        bind(name, [], positional, named);
        return new View(of, name);
      };
    case 'copy':
      return () => new Dict(of.entries());
    case 'get':
      return (positional, named) => {
        if (named.size > 0 || positional.length < 1 || positional.length > 2)
          throw new TemplateError('get() takes a key and a value');
        return or(of.get(positional[0]!), positional[1], null);
      };
    default:
      return undefined;
  }
}

function sequenceMethod(of: Value, name: string): Callable['call'] | undefined {
  if (!Array.isArray(of) && !(of instanceof Tuple) && !(of instanceof Range)) return undefined;
  const items = () => [...iterate(of)];
  const only = (positional: readonly Value[], named: Named) =>
    or(bind(name, ['value'], positional, named).value, null);
  switch (name) {
    case 'count':
      return (positional, named) =>
        BigInt(items().filter((one) => isEqual(one, only(positional, named))).length);
    case 'index':
      return (positional, named) => {
        const at = items().findIndex((one) => isEqual(one, only(positional, named)));
        if (at < 0) throw new TemplateError('the value is not in the list');
        return BigInt(at);
      };
    case 'copy':
      return Array.isArray(of) ? () => items() : undefined;
    default:
      return undefined;
  }
}

function itemOf(of: Value, key: Value): Value | undefined {
  if (of instanceof Dict) {
    // A list or dictionary is no key, so there is nothing under it.
    const isKey = !Array.isArray(key) && !(key instanceof Dict);
    return isKey ? of.get(key) : undefined;
  }
  if (typeof key !== 'bigint' && typeof key !== 'boolean') return undefined;
  const items = sequenceOf(of);
  if (items === null) return undefined;
  const index = Number(key);
  return items[index < 0 ? index + items.length : index];
}

/** What has places: the characters of a text, and lists of any kind. */
function sequenceOf(of: Value): readonly Value[] | null {
  if (Array.isArray(of)) return of;
  if (of instanceof Tuple) return of.items;
  if (of instanceof Fields && of.kind === 'group') return [...of.fields.values()];
  if (typeof of === 'string' || of instanceof Range) return [...iterate(of)];
  return null;
}

/** `of[start:stop:step]`. Throws `TemplateError` for what has no places, and for other bounds than integers. */
export function slice(of: Value, bounds: readonly (Value | undefined)[]): Value {
  if (of instanceof Undefined) throw new TemplateError(`"${of.name}" is undefined`);
  const items = sequenceOf(of);
  if (items === null) throw new TemplateError(`a ${typeName(of)} has no slices`);
  const [start, stop, step = 1] = bounds.map((bound) => {
    if (bound === undefined || bound === null) return undefined;
    if (typeof bound === 'bigint' || typeof bound === 'boolean') return Number(bound);
    throw new TemplateError('a slice is bounded by integers');
  });
  if (step === 0) throw new TemplateError('the step of a slice cannot be zero');
  const { length } = items;
  const [least, most] = step > 0 ? [0, length] : [-1, length - 1];
  const place = (bound: number | undefined, fallback: number) => {
    if (bound === undefined) return fallback;
    return Math.min(most, Math.max(least, bound < 0 ? bound + length : bound));
  };
  const [first, last] =
    step > 0 ? [place(start, 0), place(stop, length)] : [place(start, length - 1), place(stop, -1)];
  const picked: Value[] = [];
  for (let i = first; step > 0 ? i < last : i > last; i += step) picked.push(items[i]!);
  if (typeof of === 'string') return picked.join('');
  if (of instanceof Range) {
    const at = (index: number) => of.start + BigInt(index) * of.step;
    return new Range(at(first), at(last), of.step * BigInt(step));
  }
  return Array.isArray(of) ? picked : new Tuple(picked);
}
