import { or } from './arguments.js';
import { isEqual } from './operators.js';
import { TemplateError } from './template-error.js';
import { Callable, Fields, Tuple, Undefined, type Value } from './values.js';

/** Names and what they mean; what is not here is looked for around it. */
export class Scope {
  readonly #values = new Map<string, Value>();
  readonly #around: Scope | null;

  constructor(around: Scope | null, values: Iterable<readonly [string, Value]> = []) {
    this.#around = around;
    for (const [name, value] of values) this.#values.set(name, value);
  }

  get(name: string): Value {
    for (let scope: Scope | null = this; scope; scope = scope.#around) {
      const value = scope.#values.get(name);
      if (value !== undefined) return value;
    }
    return new Undefined(name);
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }
}

/** The turns of a loop, as `loop` tells of them within it. */
export class Loop {
  readonly #items: readonly Value[];
  readonly #depth: number;
  readonly #again: ((items: Value) => string) | null;
  /** What `loop.changed` was asked last. */
  #last: Value | undefined;

  /** `again` renders the loop within itself, where it is recursive. */
  constructor(items: readonly Value[], depth: number, again: ((items: Value) => string) | null) {
    this.#items = items;
    this.#depth = depth;
    this.#again = again;
  }

  at(i: number): Fields {
    const items = this.#items;
    const whole = (value: number) => BigInt(value);
    const fields = new Map<string, Value>([
      ['index', whole(i + 1)],
      ['index0', whole(i)],
      ['revindex', whole(items.length - i)],
      ['revindex0', whole(items.length - i - 1)],
      ['first', i === 0],
      ['last', i === items.length - 1],
      ['length', whole(items.length)],
      ['depth', whole(this.#depth + 1)],
      ['depth0', whole(this.#depth)],
      ['previtem', or(items[i - 1], new Undefined('the item before the first'))],
      ['nextitem', or(items[i + 1], new Undefined('the item after the last'))],
      ['cycle', new Callable('cycle', (values) => cycled(values, i))],
      ['changed', new Callable('changed', (values) => this.#changed(values))],
    ]);
    const again = this.#again;
    return new Fields('loop', fields, again && (([inner]) => again(or(inner, null))));
  }

  #changed(values: readonly Value[]): boolean {
    const now = new Tuple(values);
    const isSame = this.#last !== undefined && isEqual(this.#last, now);
    this.#last = now;
    return !isSame;
  }
}

function cycled(values: readonly Value[], i: number): Value {
  if (values.length === 0) throw new TemplateError('there is nothing to go round');
  return values[i % values.length]!;
}
