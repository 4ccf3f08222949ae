import { bind, text } from './arguments.js';
import { TemplateError } from './template-error.js';
import { Callable, Dict, Fields, iterate, Range, typeName, Undefined, type Value } from './values.js';

/** The longest range that the sandbox of jinja2 allows. */
const maxRange = 100_000;

function rangeOf(given: readonly Value[]): Range {
  const bounds = given.map((bound) => {
    if (typeof bound === 'bigint' || typeof bound === 'boolean') return BigInt(bound);
    throw new TemplateError(`a range is bounded by integers, not ${typeName(bound)}`);
  });
  if (bounds.length < 1 || bounds.length > 3) throw new TemplateError('a range has one to three bounds');
  const [start, stop, step = 1n] = bounds.length === 1 ? [0n, bounds[0]!] : bounds;
  if (step === 0n) throw new TemplateError('the step of a range cannot be zero');
  const range = new Range(start!, stop!, step);
  if (range.length > maxRange) throw new TemplateError(`a range of more than ${maxRange} numbers is refused`);
  return range;
}

/** Pairs of a dictionary, or of anything that holds pairs. */
function pairsOf(value: Value): [Value, Value][] {
  if (value instanceof Dict) return [...value.entries()];
  return Array.from(iterate(value), (pair): [Value, Value] => {
    const [key, item, ...more] = iterate(pair);
    if (item === undefined || more.length > 0) throw new TemplateError('a dictionary is made of pairs');
    return [key!, item];
  });
}

function dictOf(positional: readonly Value[], named: ReadonlyMap<string, Value>): Dict {
  if (positional.length > 1) throw new TemplateError('a dictionary is made of one other at most');
  const dict = new Dict(positional.flatMap(pairsOf));
  for (const [name, value] of named) dict.set(name, value);
  return dict;
}

function cycler(items: readonly Value[]): Fields {
  if (items.length === 0) throw new TemplateError('there is nothing to go round');
  let at = 0;
  const fields = new Map<string, Value>();
  const update = () => fields.set('current', items[at]!);
  const next = () => {
    const value = items[at]!;
    at = (at + 1) % items.length;
    update();
    return value;
  };
  fields.set('next', new Callable('next', next));
  fields.set(
    'reset',
    new Callable('reset', () => {
      at = 0;
      update();
      return null;
    }),
  );
  update();
  return new Fields('cycler', fields);
}

function joiner(separator: string): Callable {
  let used = false;
  return new Callable('joiner', () => {
    const first = !used;
    used = true;
    return first ? '' : separator;
  });
}

/** What every template can call. `now`: the time that `strftime_now` tells. */
export function globals(now: Date): [string, Value][] {
  const functions: Callable[] = [
    new Callable('range', (positional, named) => {
      if (named.size > 0) throw new TemplateError('a range takes no named arguments');
      return rangeOf(positional);
    }),
    new Callable('dict', dictOf),
    new Callable('namespace', (positional, named) => {
      const entries = [...dictOf(positional, named).entries()].map(([key, value]): [string, Value] => [
        text(key),
        value,
      ]);
      return new Fields('namespace', new Map(entries));
    }),
    new Callable('cycler', (positional) => cycler(positional)),
    new Callable('joiner', (positional, named) =>
      joiner(text(bind('joiner', ['sep'], positional, named).sep, ', ')),
    ),
    new Callable('lipsum', () => {
      throw new TemplateError('lipsum writes something else each time');
    }),
    new Callable('raise_exception', (positional, named) => {
      const { message } = bind('raise_exception', ['message'], positional, named);
      throw new TemplateError(message === undefined || message instanceof Undefined ? '' : String(message));
    }),
    new Callable('strftime_now', (positional, named) =>
      timeText(text(bind('strftime_now', ['format'], positional, named).format), now),
    ),
  ];
  return functions.map((one) => [one.name, one]);
}

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = [
  ...['January', 'February', 'March', 'April', 'May', 'June'],
  ...['July', 'August', 'September', 'October', 'November', 'December'],
];

const two = (value: number) => String(value).padStart(2, '0');
const hour12 = (time: Date) => time.getHours() % 12 || 12;

/** Directives of `strftime`, in its default locale. */
const directives: Readonly<Record<string, (time: Date) => string>> = {
  '%': () => '%',
  A: (time) => days[time.getDay()]!,
  a: (time) => days[time.getDay()]!.slice(0, 3),
  B: (time) => months[time.getMonth()]!,
  b: (time) => months[time.getMonth()]!.slice(0, 3),
  d: (time) => two(time.getDate()),
  '-d': (time) => String(time.getDate()),
  e: (time) => String(time.getDate()).padStart(2),
  F: (time) => `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`,
  H: (time) => two(time.getHours()),
  '-H': (time) => String(time.getHours()),
  I: (time) => two(hour12(time)),
  '-I': (time) => String(hour12(time)),
  M: (time) => two(time.getMinutes()),
  m: (time) => two(time.getMonth() + 1),
  '-m': (time) => String(time.getMonth() + 1),
  n: () => '\n',
  p: (time) => (time.getHours() < 12 ? 'AM' : 'PM'),
  S: (time) => two(time.getSeconds()),
  T: (time) => `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`,
  Y: (time) => String(time.getFullYear()),
  y: (time) => two(time.getFullYear() % 100),
};

/** `time.strftime(format)`. Throws `TemplateError` for directives that are not known. */
export function timeText(format: string, time: Date): string {
  return format.replace(/%(-?[\s\S])?/g, (whole, name: string | undefined) => {
    if (name !== undefined && Object.hasOwn(directives, name)) return directives[name]!(time);
    throw new TemplateError(`the directive "${whole}" of a time is not known`);
  });
}
