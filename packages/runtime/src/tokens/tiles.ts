import { firstSeen, type Reach } from './reach.js';
import type { Layout } from './token-layout.js';

/** What attention computes at once: some queries that stand together, with all keys that any of them looks at. */
export interface Tiles {
  /** Q, the queries of a tile. */
  readonly size: number;
  /** The queries, counted among the rows that are asked, [N * Q]; the last one again where there are no more. */
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
const tileScores = 2 ** 23;

export interface Tiling extends Reach {
  readonly heads: number;
  /** Tokens before those of the layout, which all of its sequences share. */
  readonly prefix: number;
}

/** Every row of a layout. */
export const allRows = ({ ids }: Layout): Int32Array => Int32Array.from(ids, (_, row) => row);

/** Cuts the rows of a layout that are asked, in ascending order, into tiles: all of them by default. */
export function tilesOf(
  layout: Layout,
  { heads, prefix, ...reach }: Tiling,
  asked: Int32Array = allRows(layout),
): Tiles {
  const { lengths } = layout;
  const count = asked.length;
  const longest = prefix + lengths.reduce((a, b) => Math.max(a, b), 0);
  const affordable = Math.floor(tileScores / (heads * (longest + mostQueries)));
  const size = Math.min(count, Math.max(fewestQueries, Math.min(mostQueries, affordable)));
  const tiles = Math.ceil(count / size);
  const keys: number[] = [];
  const spans = new BigInt64Array(2 * tiles);
  for (let tile = 0; tile < tiles; tile++) {
    const [from, to] = [tile * size, Math.min(count, (tile + 1) * size)];
    spans[2 * tile] = BigInt(keys.length);
    for (const place of keysOf(layout, asked.subarray(from, to), reach, prefix)) keys.push(place);
    spans[2 * tile + 1] = BigInt(keys.length);
  }
  const queries = Int32Array.from({ length: tiles * size }, (_, i) => Math.min(i, count - 1));
  return { size, queries, keys: Int32Array.from(keys), spans };
}

/** Places that any of some ascending rows looks at. */
function* keysOf(
  { ends, positions }: Layout,
  rows: Int32Array,
  reach: Reach,
  prefix: number,
): Generator<number> {
  const earliest = firstSeen(
    rows.reduce((least, row) => Math.min(least, positions[row]!), Number.POSITIVE_INFINITY),
    reach,
  );
  for (let place = earliest; place < prefix; place++) yield place;
  const last = rows.at(-1)!;
  let next = 0;
  for (let row = 0; row <= last; row++) {
    while (rows[next]! < row) next++;
    if (rows[next]! < ends[row]! && positions[row]! >= earliest) yield prefix + row;
  }
}
