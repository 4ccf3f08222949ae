import { cols, concat, type Expert, type Model, mapMlp, rows, type TensorExpr, zeros } from '@moepress/core';

/**
 * Experts made wider by channels of zeros. Such a channel has gate 0, and silu(0) u = 0 as well as
 * 0 sigmoid(0) (u + 1) = 0; without a gate f(0) = 0; so that it adds nothing to any output: exactly, in every precision.
 */

/** Every expert as wide as `widthOf` its own width, with its own channels first. */
export function padExperts(model: Model, widthOf: (width: number) => number): Model {
  return withExperts(model, (expert) => spread(expert, upTo(expert.width), widthOf(expert.width)));
}

/** Every expert as wide as before it lost channels, with those that stayed in their old places. */
export function maskExperts(model: Model): Model {
  return withExperts(model, (expert) =>
    expert.kept ? spread(expert, expert.kept.channels, expert.kept.of) : expert,
  );
}

/** Channel i of the expert becomes channel `places[i]` of `width`; the places ascend. */
function spread(expert: Expert, places: readonly number[], width: number): Expert {
  const holes = width - expert.width;
  if (holes === 0) return expert;
  // Own channels come first and zeros after them, then all are put in their places.
  const sources = new Array<number>(width).fill(-1);
  for (const [channel, place] of places.entries()) sources[place] = channel;
  let next = expert.width;
  const order = sources.map((channel) => (channel === -1 ? next++ : channel));
  const padded = (of: TensorExpr, axis: 0 | 1) =>
    concat([of, zeros(of.dtype, of.shape.with(axis, holes))], axis);
  return mapMlp(expert, width, {
    rows: (of) => rows(padded(of, 0), order),
    cols: (of) => cols(padded(of, 1), order),
  });
}

function withExperts(model: Model, change: (expert: Expert) => Expert): Model {
  const blocks = model.blocks.map((block) =>
    block.ffn.kind !== 'moe' ? block : { ...block, ffn: { ...block.ffn, pool: block.ffn.pool.map(change) } },
  );
  return { ...model, blocks };
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
