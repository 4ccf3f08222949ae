import { formatPercent } from './percent.js';
import { TemplateError } from './template-error.js';
import { maxLength, textOf } from './value-text.js';
import {
  asNumber,
  Dict,
  Fields,
  isNumeric,
  iterate,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from './values.js';

/** Bits of the longest integers that are computed. */
const maxBits = 100_000;

/** `left operator right` as Python computes it. Throws `TemplateError` where Python has an error. */
export function arithmetic(operator: string, left: Value, right: Value): Value {
  for (const side of [left, right]) {
    if (side instanceof Undefined) throw new TemplateError(`"${side.name}" is undefined`);
  }
  if (isNumeric(left) && isNumeric(right)) return numbers(operator, asNumber(left), asNumber(right));
  if (operator === '+') {
    if (typeof left === 'string' && typeof right === 'string') return limited(left + right);
    if (Array.isArray(left) && Array.isArray(right)) return together(left, right);
    if (left instanceof Tuple && right instanceof Tuple) return new Tuple(together(left.items, right.items));
  }
  if (operator === '*') {
    const [sequence, times] = isNumeric(left) ? [right, left] : [left, right];
    if (isNumeric(times) && typeof times !== 'number') return repeated(sequence, Number(times));
  }
  if (operator === '%' && typeof left === 'string') return limited(formatPercent(left, right));
  throw new TemplateError(`"${operator}" does not take ${typeName(left)} and ${typeName(right)}`);
}

export function limited(text: string): string {
  if (text.length <= maxLength) return text;
  throw new TemplateError('a text is too long');
}

/** Items of the longest list that is made. */
const maxItems = 1_000_000;

function together(left: readonly Value[], right: readonly Value[]): Value[] {
  if (left.length + right.length > maxItems) throw new TemplateError('a list is too long');
  return [...left, ...right];
}

function repeated(sequence: Value, times: number): Value {
  const count = Math.max(0, times);
  const check = (length: number) => {
    if (length * count > maxLength) throw new TemplateError('a text or list is too long');
  };
  if (typeof sequence === 'string') {
    check(sequence.length);
    return sequence.repeat(count);
  }
  const items = Array.isArray(sequence) ? sequence : sequence instanceof Tuple ? sequence.items : null;
  if (items === null) throw new TemplateError(`a ${typeName(sequence)} cannot be repeated`);
  if (items.length * count > maxItems) throw new TemplateError('a text or list is too long');
  const all = Array.from({ length: count }, () => items).flat();
  return Array.isArray(sequence) ? all : new Tuple(all);
}

function numbers(operator: string, left: bigint | number, right: bigint | number): Value {
  if (typeof left === 'bigint' && typeof right === 'bigint' && operator !== '/') {
    return integers(operator, left, right);
  }
  const [a, b] = [Number(left), Number(right)];
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / nonZero(b);
    case '%':
      return remainder(a, nonZero(b));
    case '//': {
      const whole = (a - remainder(a, nonZero(b))) / b;
      return Math.round(whole);
    }
    default:
      return power(a, b);
  }
}

function integers(operator: string, a: bigint, b: bigint): bigint | number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '//': {
      const quotient = a / nonZero(b);
      return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
    }
    case '%': {
      const rest = a % nonZero(b);
      return rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest;
    }
    default: {
      if (b < 0n) return power(Number(a), Number(b));
      if (b * BigInt(a.toString(2).length) > BigInt(maxBits))
        throw new TemplateError('a number is too large');
      return a ** b;
    }
  }
}

function nonZero<N extends bigint | number>(divisor: N): N {
  // Zero of either kind.
  if (Number(divisor) === 0) throw new TemplateError('division by zero');
  return divisor;
}

/** The rest with the sign of the divisor. */
function remainder(a: number, b: number): number {
  const rest = a % b;
  if (rest === 0) return b < 0 ? -0 : 0;
  return rest < 0 !== b < 0 ? rest + b : rest;
}

function power(a: number, b: number): number {
  if (a === 0 && b < 0) throw new TemplateError('zero has no negative power');
  const result = a ** b;
  if (!Number.isFinite(result)) throw new TemplateError(`${a} ** ${b} is no real number, or too large`);
  return result;
}

/** `-value` or `+value`. */
export function signed(value: Value, negative: boolean): Value {
  if (!isNumeric(value)) throw new TemplateError(`a ${typeName(value)} has no sign`);
  const number = asNumber(value);
  return negative ? -number : number;
}

/** `left == right`. */
export function isEqual(left: Value, right: Value): boolean {
  // Integers and floats are compared by what they are worth.
  if (isNumeric(left) && isNumeric(right)) return isSameNumber(asNumber(left), asNumber(right));
  if (Array.isArray(left) && Array.isArray(right)) return sameItems(left, right);
  if (left instanceof Tuple && right instanceof Tuple) return sameItems(left.items, right.items);
  for (const side of [left, right]) if (side instanceof Undefined) side.use();
  if (left instanceof Undefined) return right instanceof Undefined;
  if (left instanceof Range && right instanceof Range)
    return sameItems([...iterate(left)], [...iterate(right)]);
  if (left instanceof Dict && right instanceof Dict) {
    return (
      left.size === right.size &&
      [...left.entries()].every(([key, value]) => {
        const other = right.get(key);
        return other !== undefined && isEqual(value, other);
      })
    );
  }
  return left === right;
}

/** An integer and a float by what they are worth. */
const isSameNumber = (a: bigint | number, b: bigint | number) => a <= b && a >= b;

function sameItems(left: readonly Value[], right: readonly Value[]): boolean {
  return left.length === right.length && left.every((item, i) => isEqual(item, right[i]!));
}

/** Less than 0 if `left < right`. Throws `TemplateError` for what has no order. */
export function order(left: Value, right: Value): number {
  if (isNumeric(left) && isNumeric(right)) {
    const [a, b] = [asNumber(left), asNumber(right)];
    return a < b ? -1 : a > b ? 1 : isSameNumber(a, b) ? 0 : Number.NaN;
  }
  if (typeof left === 'string' && typeof right === 'string') return orderOfTexts(left, right);
  const items = (value: Value) =>
    Array.isArray(value) ? value : value instanceof Tuple ? value.items : null;
  const [a, b] = [items(left), items(right)];
  if (a === null || b === null || Array.isArray(left) !== Array.isArray(right)) {
    throw new TemplateError(`${typeName(left)} and ${typeName(right)} have no order`);
  }
  for (const [i, item] of a.entries()) {
    if (i >= b.length) return 1;
    if (!isEqual(item, b[i]!)) return order(item, b[i]!);
  }
  return a.length - b.length;
}

/** Compares by code points; JavaScript compares the halves of those beyond the first 65,536. */
function orderOfTexts(left: string, right: string): number {
  const [a, b] = [[...left], [...right]];
  for (const [i, char] of a.entries()) {
    if (i >= b.length) return 1;
    if (char !== b[i]) return char.codePointAt(0)! - b[i]!.codePointAt(0)!;
  }
  return a.length - b.length;
}

/** `item in container`. */
export function contains(container: Value, item: Value): boolean {
  if (typeof container === 'string') {
    if (typeof item !== 'string')
      throw new TemplateError(`a ${typeName(item)} cannot be looked for in a text`);
    return container.includes(item);
  }
  if (container instanceof Dict) return container.has(item);
  if (container instanceof View && container.part === 'keys') return container.of.has(item);
  if (container instanceof Fields && container.kind !== 'group')
    throw new TemplateError(`a ${container.kind} contains nothing`);
  for (const other of iterate(container)) if (isEqual(other, item)) return true;
  return false;
}

/** One step of a comparison. */
export function compare(operator: string, left: Value, right: Value): boolean {
  switch (operator) {
    case '==':
      return isEqual(left, right);
    case '!=':
      return !isEqual(left, right);
    case 'in':
      return contains(right, left);
    case 'not in':
      return !contains(right, left);
    case '<':
      return order(left, right) < 0;
    case '<=':
      return order(left, right) <= 0;
    case '>':
      return order(left, right) > 0;
    default:
      return order(left, right) >= 0;
  }
}

/** `a ~ b ~ c`. */
export const joined = (parts: readonly Value[]): string => limited(parts.map(textOf).join(''));
