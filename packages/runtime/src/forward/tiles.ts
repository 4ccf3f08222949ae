import type { Layout } from './layout.js';

/** What attention computes at once: some queries that stand together, with all keys that any of them looks at. */
export interface Tiles {
  /** Q, the queries of a tile. */
  readonly size: number;
  /** Rows of the queries, [N * Q]; the last row again where there are no more. */
  readonly queries: Int32Array;
  /** Places of the keys of one tile after the other: those of the prefix first, then the rows. */
  readonly keys: Int32Array;
  /** Where each tile's keys begin and end in `keys`, [N * 2]. */
  readonly spans: BigInt64Array;
}

/** Queries of a tile, so many that gathering its keys costs little beside its products. */
export const mostQueries = 128;
const fewestQueries = 16;

/** Scores of a tile, over all heads: 32 MiB of fp32. */
export const tileScores = 2 ** 23;

export interface Reach {
  readonly heads: number;
  /** A token sees itself and the `window - 1` tokens before it; null: all before it. */
  readonly window: number | null;
  /** Tokens before those of the layout, which all of its sequences share. */
  readonly prefix: number;
}

/** Cuts the rows of a layout into tiles. */
export function tilesOf(layout: Layout, { heads, window, prefix }: Reach): Tiles {
  const { ids, lengths } = layout;
  const count = ids.length;
  const longest = prefix + lengths.reduce((a, b) => Math.max(a, b), 0);
  const affordable = Math.floor(tileScores / (heads * (longest + mostQueries)));
  const size = Math.min(count, Math.max(fewestQueries, Math.min(mostQueries, affordable)));
  const tiles = Math.ceil(count / size);
  const keys: number[] = [];
  const spans = new BigInt64Array(2 * tiles);
  for (let tile = 0; tile < tiles; tile++) {
    const [from, to] = [tile * size, Math.min(count, (tile + 1) * size)];
    spans[2 * tile] = BigInt(keys.length);
    for (const place of keysOf(layout, from, to, window, prefix)) keys.push(place);
    spans[2 * tile + 1] = BigInt(keys.length);
  }
  const queries = Int32Array.from({ length: tiles * size }, (_, i) => Math.min(i, count - 1));
  return { size, queries, keys: Int32Array.from(keys), spans };
}

/** Places that any of the rows [from, to) looks at. */
function* keysOf(
  { ends, positions }: Layout,
  from: number,
  to: number,
  window: number | null,
  prefix: number,
): Generator<number> {
  const earliest = firstSeen(positions, from, to, window);
  for (let place = Math.max(0, earliest); place < prefix; place++) yield place;
  for (let row = 0; row < to; row++) {
    if (ends[row]! > from && positions[row]! >= earliest) yield prefix + row;
  }
}

/** No row of [from, to) sees a position before this one. */
function firstSeen(positions: Int32Array, from: number, to: number, window: number | null): number {
  if (window === null) return 0;
  return positions.subarray(from, to).reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY) - window + 1;
}
