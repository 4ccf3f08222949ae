import type { Value } from '@moepress/core';
import { cast, fold, sizeOf } from '@moepress/graph';
import { type DeltaParts, deltaChunk, placesOf } from './recurrence.js';

/** The outputs of chunks [G, B, ..], and the state after all of them, in double precision. */
export function deltaRule(
  state: Value,
  { query, key, value, beta, decay }: DeltaParts,
): { readonly output: Value; readonly state: Value } {
  const places = placesOf(query.graph, sizeOf(query, -2), query.shape.at(-2)!);
  const sources = [query, key, value, beta, decay];
  const { states, outputs } = fold([cast(state, 'float64')], sources, ([before], part) => {
    const [q, k, v, b, g] = part as [Value, Value, Value, Value, Value];
    const made = deltaChunk(before!, { query: q, key: k, value: v, beta: b, decay: g }, places);
    return { states: [made.state], outputs: [made.output] };
  });
  return { output: outputs[0]!, state: cast(states[0]!, state.dtype) };
}
