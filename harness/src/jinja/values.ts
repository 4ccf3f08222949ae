import { TemplateError } from './template-error.js';

/**
 * Python's values as a template sees them: integers are `bigint`, floats `number`, None is null, lists are arrays;
 * all others have classes of their own.
 */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Value[]
  | Tuple
  | Dict
  | Undefined
  | Range
  | View
  | Stream
  | Callable
  | Fields;

export class Tuple {
  readonly items: readonly Value[];
  constructor(items: readonly Value[]) {
    this.items = items;
  }
}

/**
 * The value of an undefined name. Most uses of it are errors, but it prints as nothing; one that is strict allows no use
 * at all but the question whether it is defined.
 */
export class Undefined {
  readonly name: string;
  readonly isStrict: boolean;
  constructor(name: string, isStrict = false) {
    this.name = name;
    this.isStrict = isStrict;
  }

  /** Throws `TemplateError` if it is strict. */
  use(): void {
    if (this.isStrict) throw new TemplateError(`"${this.name}" is undefined`);
  }
}

/** `range(...)`. */
export class Range {
  readonly start: bigint;
  readonly step: bigint;
  readonly stop: bigint;
  readonly length: number;
  constructor(start: bigint, stop: bigint, step: bigint) {
    this.start = start;
    this.stop = stop;
    this.step = step;
    const span = step > 0n ? stop - start + step - 1n : start - stop - step - 1n;
    const steps = span / (step > 0n ? step : -step);
    this.length = Number(steps > 0n ? steps : 0n);
  }
  at(index: number): bigint {
    return this.start + BigInt(index) * this.step;
  }
}

/** Keys, values or items of a dictionary. */
export class View {
  readonly of: Dict;
  readonly part: 'keys' | 'values' | 'items';
  constructor(of: Dict, part: View['part']) {
    this.of = of;
    this.part = part;
  }
  list(): Value[] {
    const entries = [...this.of.entries()];
    if (this.part === 'items') return entries.map((pair) => new Tuple(pair));
    return entries.map(([key, value]) => (this.part === 'keys' ? key : value));
  }
}

/** What can be gone through once, such as a filter's results. */
export class Stream {
  readonly #items: Iterator<Value>;
  constructor(items: Iterable<Value>) {
    this.#items = items[Symbol.iterator]();
  }
  *take(): Generator<Value> {
    for (;;) {
      const { done, value } = this.#items.next();
      if (done) return;
      yield value;
    }
  }
}

export type Named = ReadonlyMap<string, Value>;

/** A function, method or macro. */
export class Callable {
  readonly name: string;
  readonly call: (positional: readonly Value[], named: Named) => Value;
  constructor(name: string, call: Callable['call']) {
    this.name = name;
    this.call = call;
  }
}

/** A thing with fields: a namespace, a loop, a macro, a group. */
export class Fields {
  readonly kind: 'namespace' | 'loop' | 'macro' | 'group' | 'cycler';
  readonly fields: Map<string, Value>;
  /** What calling it does. */
  readonly call: Callable['call'] | null;
  constructor(kind: Fields['kind'], fields: Map<string, Value>, call: Fields['call'] = null) {
    this.kind = kind;
    this.fields = fields;
    this.call = call;
  }
}

/** Keys that are equal in Python, such as 1, 1.0 and True, are one. */
export class Dict {
  readonly #entries = new Map<string, [Value, Value]>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }
  get size(): number {
    return this.#entries.size;
  }
  get(key: Value): Value | undefined {
    return this.#entries.get(hashOf(key))?.[1];
  }
  has(key: Value): boolean {
    return this.#entries.has(hashOf(key));
  }
  set(key: Value, value: Value): void {
    const hash = hashOf(key);
    this.#entries.set(hash, [this.#entries.has(hash) ? this.#entries.get(hash)![0] : key, value]);
  }
  entries(): Iterable<[Value, Value]> {
    return this.#entries.values();
  }
  keys(): Value[] {
    return [...this.#entries.values()].map(([key]) => key);
  }
}

/** One text for keys that are equal. Throws `TemplateError` for what cannot be a key. */
export function hashOf(key: Value): string {
  if (typeof key === 'string') return `s${key}`;
  if (key === null) return 'none';
  if (typeof key === 'boolean') return key ? 'n1' : 'n0';
  if (typeof key === 'bigint') return `n${key}`;
  if (typeof key === 'number') return Number.isInteger(key) ? `n${BigInt(key)}` : `f${key}`;
  if (key instanceof Tuple) return `t${JSON.stringify(key.items.map(hashOf))}`;
  if (key instanceof Undefined) {
    key.use();
    return 'undefined';
  }
  if (key instanceof Range) return `r${key.start} ${key.stop} ${key.step}`;
  throw new TemplateError(`a ${typeName(key)} cannot be a key`);
}

/** Python's name of a value's type, for messages. */
export function typeName(value: Value): string {
  if (value === null) return 'None';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'object') return value.constructor.name.toLowerCase();
  return { string: 'str', boolean: 'bool', bigint: 'int', number: 'float' }[typeof value as 'string'];
}

/** JSON as `json.loads` gives it; whole numbers are integers. */
export function fromJson(json: unknown): Value {
  if (json === null || typeof json === 'string' || typeof json === 'boolean') return json;
  if (typeof json === 'bigint') return json;
  if (typeof json === 'number') return Number.isInteger(json) ? BigInt(json) : json;
  if (Array.isArray(json)) return json.map(fromJson);
  if (typeof json !== 'object') return new Undefined('');
  return new Dict(Object.entries(json).map(([key, value]) => [key, fromJson(value)]));
}

export const isNumeric = (value: Value): value is boolean | bigint | number =>
  typeof value === 'boolean' || typeof value === 'bigint' || typeof value === 'number';

/** A truth counts as one or nothing. */
export const asNumber = (value: boolean | bigint | number): bigint | number =>
  typeof value === 'boolean' ? BigInt(value) : value;

export function isTrue(value: Value): boolean {
  if (value instanceof Undefined) {
    value.use();
    return false;
  }
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Tuple) return value.items.length > 0;
  if (value instanceof Dict) return value.size > 0;
  if (value instanceof View) return value.of.size > 0;
  if (value instanceof Range) return value.length > 0;
  return typeof value === 'object' ? value !== null : Boolean(value);
}

/** Throws `TemplateError` for what cannot be gone through. */
export function iterate(value: Value): Iterable<Value> {
  if (typeof value === 'string' || Array.isArray(value)) return value;
  if (value instanceof Tuple) return value.items;
  if (value instanceof Dict) return value.keys();
  if (value instanceof View) return value.list();
  if (value instanceof Stream) return value.take();
  if (value instanceof Range) return numbersOf(value);
  if (value instanceof Undefined) {
    value.use();
    return [];
  }
  if (value instanceof Fields && value.kind === 'group') return value.fields.values();
  throw new TemplateError(`a ${typeName(value)} cannot be gone through`);
}

function* numbersOf(range: Range): Generator<bigint> {
  for (let i = 0; i < range.length; i++) yield range.at(i);
}

/** Throws `TemplateError` for what has no length. */
export function lengthOf(value: Value): number {
  if (value instanceof Range) return value.length;
  if (value instanceof Dict) return value.size;
  if (typeof value === 'object' && (value === null || value instanceof Stream || value instanceof Fields)) {
    if (!(value instanceof Fields) || value.kind !== 'group')
      throw new TemplateError(`a ${typeName(value)} has no length`);
  }
  let length = 0;
  for (const _ of iterate(value)) length++;
  return length;
}
