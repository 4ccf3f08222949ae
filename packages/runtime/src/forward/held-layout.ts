import type { Model, Rope } from '@moepress/core';
import { reachOf } from '../decoder/attention/heads.js';
import type { TensorData } from '../engine/protocol.js';
import { int32, tensor } from '../engine/tensor.js';
import type { Layout } from './layout.js';
import { paddingOf } from './padding.js';
import { rotaryTables } from './rope.js';
import { tilesOf } from './tiles.js';

/** Gives a tensor of a layout to a worker, under the name of the graphs' input that it is for. */
type Put = (input: string, tensor: TensorData, window?: number | null) => Promise<void>;

/** `totals` are the tokens of each sequence. */
export async function holdAngles(put: Put, layout: Layout, rope: Rope, totals: Int32Array): Promise<void> {
  const count = layout.ids.length;
  const { cos, sin } = rotaryTables(
    rope,
    layout.positions,
    layout.owners.map((b) => totals[b]!),
  );
  await put('cos', tensor('float32', [count, rope.dim / 2], cos));
  await put('sin', tensor('float32', [count, rope.dim / 2], sin));
  const order = BigInt64Array.from(layout.ids, (_, i) => BigInt(i));
  await put('order', tensor('int64', [1, count], order));
}

/** Who sees whom in a tree of tokens that stands behind `prefix` ones which all see. */
export async function holdTree(put: Put, { ids, ends, positions }: Layout, prefix: number): Promise<void> {
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
  await put('before', before);
  await put('ends', behind);
  await put('positions', int32(positions));
  await put('keyPositions', keyPositions);
}

/** Some ascending rows, and the tiles of their queries for each window of the blocks. */
export async function holdTiles(
  put: Put,
  layout: Layout,
  { blocks }: Model,
  prefix: number,
  rows: Int32Array,
): Promise<void> {
  await put('rows', int32(rows));
  const heads = blocks.reduce((most, { attention }) => Math.max(most, attention.heads), 1);
  for (const window of new Set(blocks.map(({ attention }) => reachOf(attention).window))) {
    const { size, queries, keys, spans } = tilesOf(layout, { heads, window, prefix }, rows);
    await put('queries', tensor('int32', [queries.length / size, size], queries), window);
    await put('keys', int32(keys), window);
    await put('spans', tensor('int64', [spans.length / 2, 2], spans), window);
  }
}

/** `totals` are the tokens of each sequence. */
export async function holdPadded(put: Put, layout: Layout, totals: Int32Array): Promise<void> {
  const { longest, pad, unpad } = paddingOf(layout);
  await put('pad', tensor('int32', [totals.length, longest], pad));
  await put('unpad', int32(unpad));
  await put('lastPositions', int32(totals.map((total) => total - 1)));
}
