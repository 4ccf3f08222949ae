import { attentionBlocks, isRecurrent, type Model } from '@moepress/core';
import { chunkLengthOf, windowOf } from '../decoder/recurrence/mixer.js';
import type { DeviceTraits } from '../devices/traits.js';
import { int32, type TensorData, tensor } from '../engine/protocol.js';
import { chunksOf, tailsOf } from '../tokens/chunk-layout.js';
import { reachKey, reachOf } from '../tokens/reach.js';
import { ropeKey, ropesOf } from '../tokens/ropes.js';
import { queryFactors, rotaryTables } from '../tokens/rotary-tables.js';
import { allRows, tilesOf } from '../tokens/tiles.js';
import { type Layout, paddingOf } from '../tokens/token-layout.js';

/**
 * Which rows come out of a block: all of them, some that are wanted for their own sake, or a share of those that several
 * workers compute together.
 */
export type Part = 'all' | 'asked' | 'share';

/** A tensor that blocks are fed for a layout. */
export interface LayoutTensor {
  /** The graphs' input that it is fed as. */
  readonly input: string;
  readonly tensor: TensorData;
  /** The blocks it is for, by how far their tokens see (`reachKey`); absent: all. */
  readonly reach?: string;
  /** The blocks it is for, by their rotation (`ropeKey`); absent: all. */
  readonly rope?: string;
  /** The rows it concerns; absent: it is the same whatever rows come out. */
  readonly part?: Part;
}

/** How tokens are to be seen: see `BatchPlacement`. */
interface Placing {
  readonly model: Model;
  readonly attention: DeviceTraits['attention'];
  readonly past?: number | readonly number[];
  readonly parts?: Readonly<Partial<Record<Part, Int32Array>>>;
}

/** All tensors that the blocks of a model are fed for a layout, besides hidden states, keys and values. */
export function layoutTensors(
  layout: Layout,
  { model, attention, past = 0, parts = {} }: Placing,
): LayoutTensor[] {
  const totals = totalLengths(layout, past);
  const angles = angleTensors(layout, model, totals);
  const chunks = chunkTensors(layout, model);
  if (attention === 'padded') return [...angles, ...chunks, ...paddingTensors(layout, totals)];
  const prefix = typeof past === 'number' ? past : 0;
  const tiles = Object.entries({ all: allRows(layout), ...parts }).flatMap(([part, rows]) =>
    tileTensors(layout, model, prefix, rows).map((own) => ({ ...own, part: part as Part })),
  );
  return [...angles, ...chunks, ...treeTensors(layout, prefix), ...tiles];
}

/** Tokens of each sequence, those before the layout's included. */
export const totalLengths = ({ lengths }: Layout, past: number | readonly number[]): Int32Array =>
  lengths.map((length, b) => length + (typeof past === 'number' ? past : past[b]!));

/** Tensors for blocks with a recurrence, all of which have the same window. */
function chunkTensors(layout: Layout, { blocks }: Model): LayoutTensor[] {
  const block = blocks.find(isRecurrent);
  if (!block) return [];
  const { sizes, places, taken, within } = chunksOf(layout, chunkLengthOf(block.attention));
  const count = windowOf(block.attention) - 1;
  return [
    { input: 'chunkSizes', tensor: tensor('int64', [3], BigInt64Array.from(sizes, BigInt)) },
    { input: 'chunkPlaces', tensor: int32(places) },
    { input: 'chunkRows', tensor: tensor('int32', [sizes[0], sizes[1] * sizes[2]], taken) },
    { input: 'within', tensor: int32(within) },
    { input: 'tails', tensor: tensor('int32', [layout.lengths.length, count], tailsOf(layout, count)) },
  ];
}

/** `totals` are the tokens of each sequence. */
function angleTensors(layout: Layout, model: Model, totals: Int32Array): LayoutTensor[] {
  const { positions } = layout;
  const count = layout.ids.length;
  const lengths = layout.owners.map((b) => totals[b]!);
  const order = BigInt64Array.from(layout.ids, (_, i) => BigInt(i));
  const tables = ropesOf(model).flatMap((own): LayoutTensor[] => {
    const { cos, sin } = rotaryTables(own, layout.positions, lengths);
    const rope = ropeKey(own);
    return [
      { input: 'cos', tensor: tensor('float32', [count, own.dim / 2], cos), rope },
      { input: 'sin', tensor: tensor('float32', [count, own.dim / 2], sin), rope },
    ];
  });
  return [
    ...tables,
    { input: 'order', tensor: tensor('int64', [1, count], order) },
    ...queryFactorTensors(model, positions),
  ];
}

/** Factors of the queries at some positions, for models whose layers scale them, which all do alike. */
export function queryFactorTensors(
  model: Pick<Model, 'blocks'>,
  positions: Int32Array,
): { readonly input: string; readonly tensor: TensorData }[] {
  const scaling = attentionBlocks(model).find(({ attention }) => attention.queryScaling)?.attention
    .queryScaling;
  if (!scaling) return [];
  const factors = queryFactors(scaling, positions);
  return [{ input: 'queryFactors', tensor: tensor('float32', [positions.length, 1], factors) }];
}

/** Who sees whom in a tree of tokens that stands behind `prefix` ones which all see. */
function treeTensors({ ids, ends, positions }: Layout, prefix: number): LayoutTensor[] {
  const places = (shared: (place: number) => number, own: (row: number) => number) =>
    int32(Array.from({ length: prefix + ids.length }, (_, i) => (i < prefix ? shared(i) : own(i - prefix))));
  const before = places(
    () => -1,
    (row) => row - 1,
  );
  const behind = places(
    () => ids.length,
    (row) => ends[row]!,
  );
  const keyPositions = places(
    (i) => i,
    (row) => positions[row]!,
  );
  return [
    { input: 'before', tensor: before },
    { input: 'ends', tensor: behind },
    { input: 'positions', tensor: int32(positions) },
    { input: 'keyPositions', tensor: keyPositions },
  ];
}

/** Some ascending rows, and the tiles of their queries for each reach of the blocks. */
function tileTensors(layout: Layout, model: Model, prefix: number, rows: Int32Array): LayoutTensor[] {
  const blocks = attentionBlocks(model);
  const heads = blocks.reduce((most, { attention }) => Math.max(most, attention.heads), 1);
  const reaches = new Map(blocks.map(({ attention }) => [reachKey(reachOf(attention)), reachOf(attention)]));
  return [
    { input: 'rows', tensor: int32(rows) },
    ...[...reaches].flatMap(([reach, own]): LayoutTensor[] => {
      const { size, queries, keys, spans } = tilesOf(layout, { heads, prefix, ...own }, rows);
      return [
        { input: 'queries', tensor: tensor('int32', [queries.length / size, size], queries), reach },
        { input: 'keys', tensor: int32(keys), reach },
        { input: 'spans', tensor: tensor('int64', [spans.length / 2, 2], spans), reach },
      ];
    }),
  ];
}

/** `totals` are the tokens of each sequence. */
function paddingTensors(layout: Layout, totals: Int32Array): LayoutTensor[] {
  const { longest, pad, unpad } = paddingOf(layout);
  return [
    { input: 'pad', tensor: tensor('int32', [totals.length, longest], pad) },
    { input: 'unpad', tensor: int32(unpad) },
    { input: 'lastPositions', tensor: int32(totals.map((total) => total - 1)) },
  ];
}
