import { Undefined, type Value } from './values.js';

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
