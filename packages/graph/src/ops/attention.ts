import type { Rope, Value } from '@moepress/core';
import { add, plusNumber, sub } from './math.js';
import { concat, sizeOf, squeeze, unsqueeze } from './shape.js';

const domain = 'com.microsoft';

/** Cosine and sine [T, D / 2] of each token's rotary angles; `order` int64 [1, T] counts the tokens. */
export interface RotaryAngles {
  readonly cos: Value;
  readonly sin: Value;
  readonly order: Value;
}

/** Rotates queries or keys x [T, heads * D] by the angles of their positions. */
export function rotary(x: Value, { cos, sin, order }: RotaryAngles, pairing: Rope['pairing']): Value {
  return squeeze(
    x.graph.op('RotaryEmbedding', [unsqueeze(x, 0), order, cos, sin], {
      domain,
      shape: [1, ...x.shape],
      attributes: { interleaved: pairing === 'neighbours' ? 1 : 0 },
    }),
    0,
  );
}

/**
 * A mask [Q, K] for scores [.., Q, K] of some tokens and all up to the last of them: 0 where a token may attend,
 * which is to itself and those before it, or to itself and the `window - 1` before it; a very low number elsewhere.
 */
export function causalMask(scores: Value, window: number | null): Value {
  const { graph, dtype } = scores;
  const [queries, keys] = [sizeOf(scores, -2), sizeOf(scores, -1)];
  const low = graph.op('Expand', [graph.constant([-1e30], [], dtype), concat([queries, keys], 0)], {
    dtype,
    shape: scores.shape.slice(-2),
  });
  const earlier = sub(keys, queries);
  const triangle = (diagonal: number, upper: 0 | 1) =>
    graph.op('Trilu', [low, squeeze(plusNumber(earlier, diagonal), 0)], { attributes: { upper } });
  return window === null ? triangle(1, 1) : add(triangle(1, 1), triangle(-window, 0));
}
