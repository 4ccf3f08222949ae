import type { Value } from '@moepress/core';
import { builderOf, type FoldBody } from '../ir/builder.js';

/**
 * Takes states through the parts of sources [n, ..], one after the other: `body` makes of the states and one part of each
 * source the next states, and values that are stacked, [n, ..]. Yields the last states and the stacks. A derivative takes
 * the body again, for which all that has one must come in as a state or a part; there is one state at least.
 */
export function fold(
  states: readonly Value[],
  sources: readonly Value[],
  body: FoldBody,
): { readonly states: readonly Value[]; readonly outputs: readonly Value[] } {
  return builderOf(states[0]!.graph).scanWithStates(states, sources, { body });
}
