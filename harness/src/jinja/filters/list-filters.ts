import { integer, or } from '../arguments.js';
import { arithmetic, isEqual, limited, order } from '../operators.js';
import { TemplateError } from '../template-error.js';
import { textOf } from '../value-text.js';
import {
  Dict,
  Fields,
  isTrue,
  iterate,
  lengthOf,
  Stream,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from '../values.js';
import { type Call, type Filter, filter, foldedBy, getterOf } from './kit.js';

const list = (value: Value) => [...iterate(value)];

const first = (value: Value): Value => {
  for (const one of iterate(value)) return one;
  return new Undefined('the first item');
};

function last(value: Value): Value {
  if (value instanceof Stream) throw new TemplateError('the results of a filter have no last item');
  return or(list(value).at(-1), new Undefined('the last item'));
}

const extreme = (sign: 1 | -1) =>
  filter(['case_sensitive', 'attribute'], (value, given) => {
    const fold = foldedBy(isTrue(or(given.case_sensitive, false)));
    const get = getterOf(given.attribute);
    const items = list(value);
    if (items.length === 0) return new Undefined('an item');
    return items.reduce((best, one) => (sign * order(fold(get(one)), fold(get(best))) < 0 ? one : best));
  });

function* unique(value: Value, key: (of: Value) => Value): Generator<Value> {
  const seen = new Dict();
  for (const one of iterate(value)) {
    if (seen.has(key(one))) continue;
    seen.set(key(one), true);
    yield one;
  }
}

function sorted(items: readonly Value[], key: (of: Value) => Value, reverse: boolean): Value[] {
  const keyed = items.map((one) => ({ one, key: key(one) }));
  // Equal ones keep their order, also backwards.
  return keyed.sort((a, b) => (reverse ? order(b.key, a.key) : order(a.key, b.key))).map(({ one }) => one);
}

/** The key of several attributes, with commas between them. */
function multiple(attribute: Value | undefined, fold: (of: Value) => Value): (of: Value) => Value {
  if (typeof attribute !== 'string' || !attribute.includes(',')) {
    const get = getterOf(attribute);
    return (of) => fold(get(of));
  }
  const getters = attribute.split(',').map((part) => getterOf(part));
  return (of) => getters.map((get) => fold(get(of)));
}

const chunk = (items: readonly Value[], size: number) =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));

function positive(value: Value | undefined): number {
  const size = integer(value, 0);
  if (size < 1) throw new TemplateError('a size above nothing is needed');
  return size;
}

function* slices(items: readonly Value[], count: number, fill: Value | undefined): Generator<Value> {
  const each = Math.floor(items.length / count);
  const longer = items.length % count;
  let at = 0;
  for (let i = 0; i < count; i++) {
    const size = each + (i < longer ? 1 : 0);
    const part = items.slice(at, at + size);
    at += size;
    yield fill !== undefined && fill !== null && i >= longer ? [...part, fill] : part;
  }
}

function* selected({ runtime, positional, named }: Call, value: Value, byAttribute: boolean, keep: boolean) {
  // Nothing is asked of what is empty or false.
  if (!isTrue(value)) return;
  if (named.size > 0) throw new TemplateError('a selection takes no named arguments');
  if (byAttribute && positional.length === 0) throw new TemplateError('an attribute is needed');
  const get = byAttribute ? getterOf(positional[0]) : (of: Value) => of;
  const [name, ...given] = byAttribute ? positional.slice(1) : positional;
  if (name !== undefined && typeof name !== 'string') throw new TemplateError('a test is named by a text');
  for (const one of iterate(value)) {
    const of = get(one);
    if ((name === undefined ? isTrue(of) : runtime.test(name, of, given)) === keep) yield one;
  }
}

const selection = (byAttribute: boolean, keep: boolean) =>
  filter(null, (value, _, call) => new Stream(selected(call, value, byAttribute, keep)));

function* mapped(value: Value, { runtime, positional, named }: Call): Generator<Value> {
  if (!isTrue(value)) return;
  if (positional.length === 0 && named.has('attribute')) {
    const extra = [...named.keys()].find((name) => name !== 'attribute' && name !== 'default');
    if (extra !== undefined) throw new TemplateError(`map has no use for an argument "${extra}"`);
    const get = getterOf(named.get('attribute'), named.get('default'));
    for (const one of iterate(value)) yield get(one);
    return;
  }
  const [name, ...given] = positional;
  if (typeof name !== 'string') throw new TemplateError('map needs a filter or an attribute');
  for (const one of iterate(value)) yield runtime.filter(name, one, given, named);
}

export const listFilters: Readonly<Record<string, Filter>> = {
  batch: filter(['linecount', 'fill_with'], (value, { linecount, fill_with: fill }) => {
    const size = positive(linecount);
    const parts = chunk(list(value), size);
    const filled = (part: Value[]) =>
      fill === undefined || fill === null
        ? part
        : [...part, ...Array.from({ length: size - part.length }, () => fill)];
    return new Stream(parts.map(filled));
  }),
  count: filter([], (value) => BigInt(lengthOf(value))),
  first: filter([], first),
  groupby: filter(['attribute', 'default', 'case_sensitive'], (value, given) => {
    const fold = foldedBy(isTrue(or(given.case_sensitive, false)));
    const get = getterOf(given.attribute, given.default);
    const groups: Fields[] = [];
    for (const one of sorted(list(value), (of) => fold(get(of)), false)) {
      const group = groups.at(-1);
      const key = get(one);
      if (group && isEqual(fold(group.fields.get('grouper')!), fold(key)))
        (group.fields.get('list') as Value[]).push(one);
      else {
        groups.push(
          new Fields(
            'group',
            new Map<string, Value>([
              ['grouper', key],
              ['list', [one]],
            ]),
          ),
        );
      }
    }
    return groups;
  }),
  join: filter(['d', 'attribute'], (value, { d, attribute }) => {
    const get = getterOf(attribute);
    return limited(Array.from(iterate(value), (one) => textOf(get(one))).join(textOf(or(d, ''))));
  }),
  last: filter([], last),
  length: filter([], (value) => BigInt(lengthOf(value))),
  list: filter([], list),
  map: filter(null, (value, _, call) => new Stream(mapped(value, call))),
  max: extreme(-1),
  min: extreme(1),
  reject: selection(false, false),
  rejectattr: selection(true, false),
  reverse: filter([], (value) => {
    if (typeof value === 'string') return [...value].reverse().join('');
    return new Stream(list(value).reverse());
  }),
  select: selection(false, true),
  selectattr: selection(true, true),
  slice: filter(
    ['slices', 'fill_with'],
    (value, given) => new Stream(slices(list(value), positive(given.slices), given.fill_with)),
  ),
  sort: filter(['reverse', 'case_sensitive', 'attribute'], (value, given) => {
    const fold = foldedBy(isTrue(or(given.case_sensitive, false)));
    return sorted(list(value), multiple(given.attribute, fold), isTrue(or(given.reverse, false)));
  }),
  sum: filter(['attribute', 'start'], (value, { attribute, start }) => {
    const get = getterOf(attribute);
    return list(value).reduce((sum: Value, one) => arithmetic('+', sum, get(one)), or(start, 0n));
  }),
  unique: filter(['case_sensitive', 'attribute'], (value, given) => {
    const fold = foldedBy(isTrue(or(given.case_sensitive, false)));
    const get = getterOf(given.attribute);
    return new Stream(unique(value, (of) => fold(get(of))));
  }),
  dictsort: filter(['case_sensitive', 'by', 'reverse'], (value, given) => {
    if (!(value instanceof Dict)) throw new TemplateError(`a dictionary is needed, not ${typeName(value)}`);
    const by = or(given.by, 'key');
    if (by !== 'key' && by !== 'value') throw new TemplateError('a dictionary is sorted by key or value');
    const fold = foldedBy(isTrue(or(given.case_sensitive, false)));
    const pairs = Array.from(value.entries(), (pair) => new Tuple(pair));
    return sorted(
      pairs,
      (pair) => fold((pair as Tuple).items[by === 'key' ? 0 : 1]!),
      isTrue(or(given.reverse, false)),
    );
  }),
  items: filter([], (value) => {
    if (value instanceof Undefined) return new Stream([]);
    if (!(value instanceof Dict)) throw new TemplateError(`a dictionary is needed, not ${typeName(value)}`);
    return new Stream(Array.from(value.entries(), (pair) => new Tuple(pair)));
  }),
};
