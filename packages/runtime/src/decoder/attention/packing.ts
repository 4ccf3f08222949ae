import type { Value } from '@moepress/core';
import {
  cast,
  concat,
  div,
  gatherNd,
  mul,
  scatterNdAdd,
  shapeOf,
  sizeOf,
  squeeze,
  sub,
  unsqueeze,
  zerosOf,
} from '@moepress/graph';

/** Converts packed tokens to the padded layout of attention and back, in operators with derivatives. */
export interface Packing {
  /** [T, ..] to [B, S, ..], zeros in the padding. */
  pad(x: Value): Value;
  /** [B, S, ..] to [T, ..] */
  unpad(x: Value): Value;
}

/** One sequence, which needs no padding. */
export const oneSequence: Packing = {
  pad: (x) => unsqueeze(x, 0),
  unpad: (x) => squeeze(x, 0),
};

/** Several sequences, laid out as `BatchInputs` tells by `pad` int32 [B, S] and `unpad` int32 [T]. */
export function packingOf(pad: Value, unpad: Value): Packing {
  const sizes = shapeOf(pad);
  const place = cast(unpad, 'int64');
  const sequence = div(place, sizeOf(pad, 1));
  const within = sub(place, mul(sequence, sizeOf(pad, 1)));
  // No token stands twice in it, which adding up by coordinates demands; `pad` repeats rows.
  const coordinates = concat([unsqueeze(sequence, 1), unsqueeze(within, 1)], 1);
  return {
    pad(x) {
      const rest = x.shape.slice(1) as number[];
      const all = concat([sizes, x.graph.constant(rest, [rest.length], 'int64')], 0);
      return scatterNdAdd(zerosOf(all, ['B', 'S', ...rest], x.dtype), coordinates, x);
    },
    unpad: (x) => gatherNd(x, coordinates, ['T', ...x.shape.slice(2)]),
  };
}
