import { attribute, item, slice } from './attributes.js';
import { isFilter, runFilter } from './filters/index.js';
import type { Runtime } from './filters/kit.js';
import type { Arguments, Expression } from './nodes.js';
import { arithmetic, compare, joined, signed } from './operators.js';
import type { Scope } from './scope.js';
import { TemplateError, TooManySteps } from './template-error.js';
import { isTest, runTest } from './tests.js';
import {
  Callable,
  Dict,
  Fields,
  isTrue,
  iterate,
  type Named,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from './values.js';

/** Steps of a template that does not end for long, or not at all: far more than any conversation takes. */
export const mostSteps = 500_000;

/** Evaluates the expressions of one rendering, whose steps it counts. */
export class Evaluator implements Runtime {
  readonly #most: number;
  readonly #isStrict: boolean;
  #steps = 0;

  /** `most`: steps that it may take; `isStrict`: whether what is undefined allows no use. */
  constructor(most: number, isStrict: boolean) {
    this.#most = most;
    this.#isStrict = isStrict;
  }

  /** Throws `TooManySteps` once the template has taken more than it may. */
  step(steps = 1): void {
    this.#steps += steps;
    if (this.#steps > this.#most) throw new TooManySteps();
  }

  /** What is done to every item of a value takes as many steps, if short ones. */
  #weigh(value: Value): Value {
    this.step(1 + sizeOf(value) / 16);
    return value;
  }

  filter(name: string, value: Value, positional: readonly Value[], named: Named): Value {
    return this.#weigh(runFilter(name, this.#weigh(value), { positional, named }, this));
  }

  test(name: string, value: Value, given: readonly Value[]): boolean {
    this.step();
    if (name === 'filter' || name === 'test') {
      return typeof value === 'string' && (name === 'filter' ? isFilter(value) : isTest(value));
    }
    return runTest(name, value, given);
  }

  /** The value of an expression. Throws `TemplateError`. */
  value(node: Expression, scope: Scope): Value {
    const value = this.#value(node, scope);
    return this.#isStrict && value instanceof Undefined ? new Undefined(value.name, true) : value;
  }

  #value(node: Expression, scope: Scope): Value {
    this.step();
    const of = (inner: Expression) => this.value(inner, scope);
    switch (node.kind) {
      case 'constant':
        return node.value;
      case 'name':
        return scope.get(node.name);
      case 'list':
        return node.items.map(of);
      case 'tuple':
        return new Tuple(node.items.map(of));
      case 'dict':
        return new Dict(node.pairs.map(([key, value]) => [of(key), of(value)] as const));
      case 'attribute':
        return attribute(of(node.of), node.name);
      case 'item':
        if (node.key.kind !== 'slice') return item(of(node.of), of(node.key));
        return slice(
          this.#weigh(of(node.of)),
          node.key.parts.map((part) => (part ? of(part) : undefined)),
        );
      case 'slice':
        throw new TemplateError('a slice stands within brackets of its own');
      case 'call':
        return this.call(of(node.of), ...this.arguments(node.arguments, scope));
      case 'filter':
        return this.filtered(node, of(node.of!), scope);
      case 'test': {
        const [positional, named] = this.arguments(node.arguments, scope);
        if (named.size > 0) throw new TemplateError('a test takes no named arguments');
        return this.test(node.name, of(node.of), positional);
      }
      case 'not':
        return !isTrue(of(node.of));
      case 'negative':
      case 'positive':
        return signed(of(node.of), node.kind === 'negative');
      case 'and': {
        const left = of(node.left);
        return isTrue(left) ? of(node.right) : left;
      }
      case 'or': {
        const left = of(node.left);
        return isTrue(left) ? left : of(node.right);
      }
      case 'arithmetic':
        return this.#weigh(arithmetic(node.operator, of(node.left), of(node.right)));
      case 'compare':
        return this.#compare(node, scope);
      case 'join':
        return this.#weigh(joined(node.of.map(of)));
      case 'choice':
        if (isTrue(of(node.test))) return of(node.value);
        return node.otherwise ? of(node.otherwise) : new Undefined('a condition without else');
    }
  }

  /** The value of a filter whose operand is known; of a chain, that of the innermost filter. */
  filtered(node: Extract<Expression, { kind: 'filter' }>, value: Value, scope: Scope): Value {
    const [positional, named] = this.arguments(node.arguments, scope);
    return this.filter(node.name, value, positional, named);
  }

  #compare({ first, rest }: Extract<Expression, { kind: 'compare' }>, scope: Scope): boolean {
    let left = this.value(first, scope);
    for (const { operator, with: node } of rest) {
      const right = this.#weigh(this.value(node, scope));
      const isOrder = operator.startsWith('<') || operator.startsWith('>');
      for (const side of [left, right]) {
        if (isOrder && side instanceof Undefined) throw new TemplateError(`"${side.name}" is undefined`);
      }
      if (!compare(operator, left, right)) return false;
      left = right;
    }
    return true;
  }

  arguments({ positional, named, rest, namedRest }: Arguments, scope: Scope): [Value[], Map<string, Value>] {
    const of = (node: Expression) => this.value(node, scope);
    const values = positional.map(of);
    if (rest) values.push(...iterate(of(rest)));
    const byName = new Map(named.map(([name, node]) => [name, of(node)] as const));
    const more = namedRest && of(namedRest);
    if (more instanceof Dict) for (const [key, value] of more.entries()) byName.set(String(key), value);
    else if (more !== null) throw new TemplateError('named arguments are unpacked from a dictionary');
    return [values, byName];
  }

  call(of: Value, positional: readonly Value[], named: Named): Value {
    for (const value of positional) this.#weigh(value);
    if (of instanceof Undefined) throw new TemplateError(`"${of.name}" is undefined`);
    if (of instanceof Callable) return this.#weigh(of.call(positional, named));
    if (of instanceof Fields && of.call) return of.call(positional, named);
    throw new TemplateError(`a ${typeName(of)} cannot be called`);
  }
}

/** Items, or characters, of which many are looked at as soon as one item. */
function sizeOf(value: Value): number {
  if (typeof value === 'string') return value.length / 16;
  if (Array.isArray(value)) return value.length;
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof View) return value.of.size;
  return value instanceof Range ? value.length : 0;
}
