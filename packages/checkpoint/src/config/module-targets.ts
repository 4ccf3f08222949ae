import type { Quantisation, WeightScheme } from './weight-scheme.js';

/** Patterns that could take for ever, or mean something else in Python: repeated groups, look-around, back references. */
const unclear = /\)[*+{]|\(\?(?!:)|\\[1-9bBAZzGpP]|\[\[|\$\)|[*+?}]\+/;
const mostStars = 4;
const mostLength = 500;

/**
 * The expression of a target that starts with `re:`, which has to match from the beginning of a module's name; null for one
 * that is not understood, or could take too long.
 */
export function targetExpression(target: string): RegExp | null {
  const pattern = target.slice(3);
  const stars = pattern.match(/[*+]|\{\d*,\d*\}/g)?.length ?? 0;
  if (pattern.length > mostLength || stars > mostStars || unclear.test(pattern)) return null;
  try {
    return new RegExp(`^(?:${pattern})`, 's');
  } catch {
    return null;
  }
}

const expressions = new Map<string, RegExp | null>();

function expressionOf(target: string): RegExp | null {
  if (expressions.size > 1000) expressions.clear();
  if (!expressions.has(target)) expressions.set(target, targetExpression(target));
  return expressions.get(target)!;
}

const matchesName = (target: string, module: string): boolean =>
  target.startsWith('re:') ? expressionOf(target)?.test(module) === true : target === module;

/** The scheme of a linear module by its name; null if it is plain. Names and expressions come before the class. */
export function schemeOf({ groups, ignore }: Quantisation, module: string): WeightScheme | null {
  if (ignore.some((target) => target === 'Linear' || matchesName(target, module))) return null;
  const named = groups.find(({ targets }) => targets?.some((target) => matchesName(target, module)));
  const found = named ?? groups.find(({ targets }) => targets === null || targets.includes('Linear'));
  return found?.scheme ?? null;
}
