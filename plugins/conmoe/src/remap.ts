import { type LayerPlan, type Model, moeBlocks } from '@moepress/core';
import type { Scope } from './scopes.js';

/**
 * The prototype each of n experts is computed with: itself if it is one, else the nearest; of equally near
 * ones the first. Indices into the scope, as `prototypes` are.
 */
export function nearestPrototypes(
  distances: Float64Array,
  n: number,
  prototypes: readonly number[],
): number[] {
  const own = new Set(prototypes);
  return Array.from({ length: n }, (_, e) => {
    // Not left to the distance: a prototype with an exact twin must not become the twin.
    if (own.has(e)) return e;
    return prototypes.reduce((best, p) => (distances[e * n + p]! < distances[e * n + best]! ? p : best));
  });
}

/** Plans for the layers of a scope in which some expert was replaced. */
export function planRemap(model: Model, scope: Scope, prototypeOf: readonly number[]): LayerPlan[] {
  const replaced = new Map(
    scope.members.map(({ layer, index }, e) => [`${layer}.${index}`, scope.members[prototypeOf[e]!]!]),
  );
  const blocks = moeBlocks(model).filter(({ index }) => scope.layers.includes(index));
  return blocks.flatMap(({ index: layer, ffn }) => {
    const slots = ffn.slots.map((entry): [number, number] => {
      const prototype = replaced.get(`${layer}.${entry}`)!;
      return [prototype.layer, prototype.index];
    });
    const unchanged = slots.every(([l, index], slot) => l === layer && index === ffn.slots[slot]);
    return unchanged ? [] : [{ layer, ops: [{ op: 'remap-slots', slots }] }];
  });
}
