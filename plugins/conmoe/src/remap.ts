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
  const memberAt = new Map(
    scope.members.flatMap(({ places }, e) => places.map(({ layer, index }) => [`${layer}.${index}`, e])),
  );
  const blocks = moeBlocks(model).filter(({ index }) => scope.layers.includes(index));
  return blocks.flatMap(({ index: layer, ffn }) => {
    const members = ffn.slots.map((entry) => memberAt.get(`${layer}.${entry}`)!);
    if (members.every((e) => prototypeOf[e] === e)) return [];
    const slots = members.map((e): [number, number] => {
      const prototype = scope.members[prototypeOf[e]!]!;
      return [prototype.layer, prototype.index];
    });
    return [{ layer, ops: [{ op: 'remap-slots', slots }] }];
  });
}
