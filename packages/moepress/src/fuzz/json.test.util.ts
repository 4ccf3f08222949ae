import { shown } from '@moepress/core';
import type { Random } from './random.test.util.js';

/** Stands in a value for text that JSON.stringify would not write; see `render`. */
const mark = '\u0001raw:';

const raw = (text: string) => mark + text;

/** What no reader expects, each made when it is asked for. */
const oddities: readonly (() => unknown)[] = [
  ...[null, true, false, '', ' ', '0', 'x', '\u0000', '../../x', '/etc/passwd', 'a/b', '\ud800', '{{', '%s'],
  ...[0, 1, -1, 2, 7, 0.5, -0.5, 64, 1e9, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 + 2, 1e21, 1e308, 5e-324],
  ...['__proto__', 'constructor', 'toString', 'prototype', 'length'],
  ...[raw('NaN'), raw('Infinity'), raw('-Infinity'), raw('1e999'), raw('-0'), raw('00'), raw("'x'"), raw('')],
  ...[raw('"\\ud800"'), raw('"\\u0000"'), raw('1,'), raw('/**/1')],
].map((value) => () => value);

/** Large ones, which are rare, since each takes a while. */
const large: readonly (() => unknown)[] = [
  () => 'x'.repeat(100_000),
  () => raw('['.repeat(50_000) + ']'.repeat(50_000)),
  () => raw(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`),
  () => raw(`[${'[],'.repeat(100_000)}[]]`),
  () => Array(100_000).fill('x'),
  () => Array(100_000).fill(-1),
  () => Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i])),
];

const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'length', '', 'x', '0', ' '];

function oddity(random: Random): unknown {
  return random.pick(random.chance(0.03) ? large : oddities)();
}

/** The value with a few changes at random places: other types and sizes, names of prototypes, parts gone or repeated. */
export function mutateJson(value: unknown, random: Random): unknown {
  const root = { value: structuredClone(value) as unknown };
  const changes = random.pick([1, 1, 1, 2, 4]);
  for (let i = 0; i < changes; i++) changeOne(root, random);
  return root.value;
}

type Holder = Record<string, unknown> | unknown[];

function changeOne(root: { value: unknown }, random: Random): void {
  // Down from the root by chance, so that outer places change as often as the many inner ones.
  let holder: Holder = root;
  let key = 'value';
  for (;;) {
    const inner = (holder as Record<string, unknown>)[key];
    if (typeof inner !== 'object' || inner === null || random.chance(0.2)) break;
    const keys = Object.keys(inner);
    if (keys.length === 0) break;
    holder = inner as Holder;
    key = random.pick(keys);
  }
  const own = holder as Record<string, unknown>;
  const old = own[key];
  switch (random.below(10)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete own[key];
      break;
    case 1:
      if (Array.isArray(holder)) holder.push(old);
      else define(own, random.pick(names), old);
      break;
    case 2:
      own[key] = [old];
      break;
    case 3:
      own[key] = { [random.pick(names)]: old };
      break;
    case 4:
      own[key] = typeof old === 'number' ? old * random.pick([-1, 2, 1000, 1e9, 0.1]) : shown(old);
      break;
    case 5:
      own[key] = Array.isArray(old) ? [...old, ...old] : oddity(random);
      break;
    case 6:
      own[key] = own[random.pick(Object.keys(own))];
      break;
    default:
      own[key] = oddity(random);
  }
}

/** Also `__proto__`, as JSON.parse makes it. */
function define(holder: object, key: string, value: unknown): void {
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true });
}

/** The text of a mutated value, with what JSON has no words for, and rarely a name twice. */
export function render(value: unknown, random: Random): string {
  const text = (JSON.stringify(value) ?? 'null').replace(
    /"\\u0001raw:((?:[^"\\]|\\.)*)"/g,
    (_, inner: string) => String(JSON.parse(`"${inner}"`)),
  );
  if (!random.chance(0.05)) return text;
  const [pair] = /"[^"\\]{1,40}":[^,{}[\]]{1,40},/.exec(text) ?? [];
  return pair === undefined ? text : text.replace(pair, pair + pair);
}
