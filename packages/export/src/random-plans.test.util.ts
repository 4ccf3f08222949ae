/** Random plans of all operations, for laws that hold for every plan. */
import {
  applyLayers,
  type Block,
  createRng,
  encodeChannels,
  encodeIndices,
  encodeNumbers,
  type LayerOp,
  type LayerPlan,
  type Model,
  type MoeFfn,
  MoepressError,
  type Rng,
} from '@moepress/core';

/** An operation that may be refused, or null where there is nothing to do it to. */
type Generator = (block: Block, context: { readonly rng: Rng; readonly base: Model }) => LayerOp | null;

const ofMoe =
  (make: (ffn: MoeFfn, rng: Rng, layer: number) => LayerOp): Generator =>
  ({ ffn, index }, { rng }) =>
    ffn.kind === 'moe' ? make(ffn, rng, index) : null;

const below = (rng: Rng, n: number) => Math.floor(rng.next() * n);

/** Some of 0 .. n-1, at least `least`, in a random order. */
const someOf = (rng: Rng, n: number, least: number) =>
  rng.permutation(n).slice(0, least + below(rng, n - least + 1));

/** One of each: a new operation needs a line here. */
const generators: Readonly<Record<LayerOp['op'], Generator>> = {
  'keep-experts': ofMoe(({ slots, router: { topK, groups } }, rng) => {
    const count = groups?.count ?? 1;
    const size = slots.length / count;
    const own = someOf(rng, size, Math.min(size, Math.max(2, topK)));
    const experts = Array.from({ length: count }, (_, g) => own.map((e) => g * size + e)).flat();
    return { op: 'keep-experts', experts };
  }),
  'remap-slots': ({ index, ffn }, { rng, base }) => {
    const own = base.blocks[index]!.ffn;
    if (ffn.kind !== 'moe' || own.kind !== 'moe') return null;
    const slots = ffn.slots.map((): [number, number] => [index, below(rng, own.pool.length)]);
    return { op: 'remap-slots', slots };
  },
  'merge-experts': ofMoe(({ slots, pool }, rng) => {
    const experts = someOf(rng, slots.length, 1).filter(
      (slot, i, all) => all.findIndex((other) => slots[other] === slots[slot]) === i,
    );
    const width = pool[slots[experts[0]!]!]!.width;
    const order = () => (rng.next() < 0.5 ? null : encodeIndices(rng.permutation(width)));
    const cut = below(rng, experts.length);
    const groups = [experts.slice(0, cut), experts.slice(cut)].filter((group) => group.length > 0);
    return {
      op: 'merge-experts',
      groups: groups.map((group) => ({
        experts: group,
        weights: group.map(() => rng.next()),
        ...(rng.next() < 0.7 && { permutations: group.map(order) }),
      })),
    };
  }),
  'keep-channels': ({ ffn }, { rng }) => {
    if (ffn.kind === 'none') return null;
    const mlps = ffn.kind === 'dense' ? [ffn.mlp] : ffn.pool;
    const least = rng.next() < 0.8 ? 1 : 0;
    const channels = mlps.map(({ width }) =>
      encodeChannels(someOf(rng, width, Math.min(width, least)), width),
    );
    return { op: 'keep-channels', channels };
  },
  'set-top-k': ofMoe(({ slots }, rng) => ({ op: 'set-top-k', topK: 1 + below(rng, slots.length) })),
  'replace-by-constant': ofMoe(({ slots, pool }, rng) => {
    const experts = someOf(rng, slots.length, 1).filter(
      (slot, i, all) => all.findIndex((other) => slots[other] === slots[slot]) === i,
    );
    const values = () =>
      encodeNumbers(Array.from({ length: pool[0]!.down.shape[0]! }, () => rng.next() - 0.5));
    return { op: 'replace-by-constant', experts: experts.map((expert) => ({ expert, values: values() })) };
  }),
  'shift-router': ofMoe(({ slots }, rng) => ({
    op: 'shift-router',
    bias: encodeNumbers(slots.map(() => rng.next() - 0.5)),
  })),
  'drop-ffn': () => ({ op: 'drop-ffn' }),
  'drop-attention': () => ({ op: 'drop-attention' }),
  'drop-block': () => ({ op: 'drop-block' }),
  condense: ofMoe(({ slots }, rng) => {
    const parts = someOf(rng, slots.length, 1).map((expert) => ({
      experts: [expert],
      shares: [1],
      scale: rng.next(),
    }));
    return { op: 'condense', parts, shared: null, align: 1 };
  }),
};

const names = Object.keys(generators) as LayerOp['op'][];

/** Up to three operations for each of some layers, which `applyLayers` accepts; `used` are told of. */
export function randomLayers(base: Model, seed: number, used: Set<string> = new Set()): LayerPlan[] {
  const rng = createRng(seed);
  return base.blocks.flatMap(({ index: layer }): LayerPlan[] => {
    let ops: LayerOp[] = [];
    for (let tries = below(rng, 4); tries > 0; tries--) {
      const block = applyLayers(base, ops.length > 0 ? [{ layer, ops }] : []).blocks[layer]!;
      const op = generators[names[below(rng, names.length)]!](block, { rng, base });
      if (op && isAccepted(base, [{ layer, ops: [...ops, op] }])) {
        used.add(op.op);
        ops = [...ops, op];
      }
    }
    return ops.length > 0 ? [{ layer, ops }] : [];
  });
}

function isAccepted(base: Model, layers: readonly LayerPlan[]): boolean {
  try {
    applyLayers(base, layers);
    return true;
  } catch (error) {
    if (MoepressError.isInstance(error)) return false;
    throw error;
  }
}

/** All operations that plans may have. */
export const operationNames: readonly string[] = names;

/** What a model computes beside its tensors: kinds of layers, routers, and the expert of each slot. */
export const structureOf = (model: Model) =>
  model.blocks.map(({ attention, ffn, norms }) => ({
    attention: attention.kind,
    ffn: ffn.kind,
    norms: Object.entries(norms).flatMap(([name, norm]) => (norm ? [name] : [])),
    ...(ffn.kind === 'moe' && { router: routerOf(ffn), slots: ffn.slots.length }),
  }));

const routerOf = ({
  router: { weight: _w, bias: _b, selectionBias: _s, input: _i, slotScales: _c, ...rules },
}: MoeFfn) => rules;
