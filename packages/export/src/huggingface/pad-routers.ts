import {
  type Block,
  concat,
  constant,
  holdsConstants,
  lowestNumber,
  type Model,
  type MoeFfn,
  moeBlocks,
  type Router,
  rows,
  type TensorExpr,
  zeros,
} from '@moepress/core';

/**
 * Layers with as many slots as the widest, where their routers can tell the added ones apart by a bias: these get rows of
 * zeros and the lowest finite number as their bias, so that they are never selected, and weigh nothing. Each computes with
 * the first expert of its layer. What comes out is the same; the model itself is returned where layers have one number of slots
 * or a router could not.
 */
export function padRouters(model: Model): Model {
  const blocks = moeBlocks(model);
  const most = blocks.reduce((found, { ffn }) => Math.max(found, ffn.slots.length), 0);
  const short = blocks.filter(({ ffn }) => ffn.slots.length < most);
  if (short.length === 0 || !short.every(({ ffn }) => holdsPadding(ffn.router, most))) return model;
  const padded = new Map<number, Block>(
    short.map((block) => [block.index, { ...block, ffn: withSlots(block.ffn, most) }]),
  );
  return { ...model, blocks: model.blocks.map((block) => padded.get(block.index) ?? block) };
}

/**
 * A bias of the logits takes added slots out of the softmax; one of the selection leaves their scores, which others must not
 * depend on, as they do not where each is a sigmoid of its own.
 */
function holdsPadding(
  { bias, selectionBias, scoring, groups, mixerThreshold }: Router,
  most: number,
): boolean {
  const own = bias ?? (scoring === 'sigmoid' ? selectionBias : null);
  return (
    !!own && holdsConstants(own.dtype) && mixerThreshold === undefined && most % (groups?.count ?? 1) === 0
  );
}

function withSlots(ffn: MoeFfn, most: number): MoeFfn {
  const { router, slots } = ffn;
  const order = placesOf(slots.length, most, router.groups?.count ?? 1);
  const missing = most - slots.length;
  const wide = (of: TensorExpr, more: TensorExpr) => rows(concat([of, more], 0), order);
  const noughts = (of: TensorExpr) => wide(of, zeros(of.dtype, of.shape.with(0, missing)));
  const lowest = (of: TensorExpr) =>
    wide(of, constant(of.dtype, new Array<number>(missing).fill(lowestNumber(of.dtype))));
  return {
    ...ffn,
    slots: order.map((slot) => slots[slot] ?? slots[0]!),
    router: {
      ...router,
      weight: noughts(router.weight),
      bias: router.bias && lowest(router.bias),
      selectionBias: router.selectionBias && (router.bias ? noughts : lowest)(router.selectionBias),
      ...(router.slotScales && { slotScales: noughts(router.slotScales) }),
    },
  };
}

/** Which slot stands at each place: those of a group first, then some of the added ones, which have the numbers behind all. */
function placesOf(own: number, most: number, groups: number): number[] {
  const [size, wanted] = [own / groups, most / groups];
  return Array.from({ length: most }, (_, place) => {
    const [group, within] = [Math.floor(place / wanted), place % wanted];
    return within < size ? group * size + within : own + group * (wanted - size) + (within - size);
  });
}
