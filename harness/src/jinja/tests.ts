import { isOfCase } from './casing.js';
import { compare, isEqual } from './operators.js';
import { TemplateError } from './template-error.js';
import { textOf } from './value-text.js';
import {
  asNumber,
  Callable,
  Dict,
  Fields,
  isNumeric,
  Range,
  Stream,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from './values.js';

type Test = (value: Value, given: readonly Value[]) => boolean;

/** A number that has a rest. */
function rest(value: Value, divisor: Value): number {
  if (!isNumeric(value) || !isNumeric(divisor))
    throw new TemplateError(`a number is needed, not ${typeName(value)}`);
  if (Number(asNumber(divisor)) === 0) throw new TemplateError('division by zero');
  const [a, b] = [asNumber(value), asNumber(divisor)];
  return typeof a === 'bigint' && typeof b === 'bigint' ? Number(a % b) : Number(a) % Number(b);
}

const comparison =
  (operator: string): Test =>
  (value, [other]) =>
    compare(operator, value, other!);

const isSequence = (value: Value) =>
  typeof value === 'string' ||
  Array.isArray(value) ||
  value instanceof Tuple ||
  value instanceof Dict ||
  value instanceof Range ||
  value instanceof Undefined;

const tests: Readonly<Record<string, Test>> = {
  boolean: (value) => typeof value === 'boolean',
  callable: (value) => value instanceof Callable || (value instanceof Fields && value.call !== null),
  defined: (value) => !(value instanceof Undefined),
  divisibleby: (value, [by]) => rest(value, by!) === 0,
  eq: comparison('=='),
  even: (value) => rest(value, 2n) === 0,
  // Names that are known as one or the other are asked for with a text.
  false: (value) => value === false,
  float: (value) => typeof value === 'number',
  ge: comparison('>='),
  gt: comparison('>'),
  in: comparison('in'),
  integer: (value) => typeof value === 'bigint',
  iterable: (value) =>
    isSequence(value) ||
    value instanceof View ||
    value instanceof Stream ||
    (value instanceof Fields && value.kind === 'group'),
  le: comparison('<='),
  lower: (value) => isOfCase(textOf(value), false),
  lt: comparison('<'),
  mapping: (value) => value instanceof Dict,
  ne: comparison('!='),
  none: (value) => value === null,
  number: isNumeric,
  odd: (value) => Math.abs(rest(value, 2n)) === 1,
  sameas: (value, [other]) => {
    // Whether two equal texts or lists are one object is a matter of how Python keeps them.
    if (typeof value === 'object' && value !== null && value !== other && isEqual(value, other!))
      return false;
    return value === other;
  },
  sequence: isSequence,
  string: (value) => typeof value === 'string',
  true: (value) => value === true,
  undefined: (value) => value instanceof Undefined,
  upper: (value) => isOfCase(textOf(value), true),
};

const aliases: Readonly<Record<string, string>> = {
  equalto: 'eq',
  greaterthan: 'gt',
  lessthan: 'lt',
  '==': 'eq',
  '!=': 'ne',
  '>': 'gt',
  '>=': 'ge',
  '<': 'lt',
  '<=': 'le',
};

/** Tests that need something to compare with. */
const withArgument = ['divisibleby', 'eq', 'ge', 'gt', 'in', 'le', 'lt', 'ne', 'sameas'];

/** Whether there is a test of this name. */
export const isTest = (name: string): boolean => Object.hasOwn(tests, name) || Object.hasOwn(aliases, name);

/** `value is name(...)`. Throws `TemplateError` for a test that is not known. */
export function runTest(name: string, value: Value, given: readonly Value[]): boolean {
  const known = Object.hasOwn(aliases, name) ? aliases[name]! : name;
  if (!Object.hasOwn(tests, known)) throw new TemplateError(`the test "${name}" is not known`);
  const wanted = withArgument.includes(known) ? 1 : 0;
  if (given.length !== wanted) throw new TemplateError(`the test "${name}" takes ${wanted} arguments`);
  return tests[known]!(value, given);
}
