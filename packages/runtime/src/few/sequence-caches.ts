import type { Attention } from '@moepress/core';
import { valueDimOf } from '../decoder/attention/value-dim.js';
import { Arena, mostArenaBytes } from './arena.js';
import type { Share } from './team.js';

/** Numbers of a row of keys or values are filled up to a multiple of this many. */
const together = 8;
const padded = (count: number): number => Math.ceil(count / together) * together;

/** The heads of a block that a thread computes: queries [from, to), and the keys and values that these meet, [first, last). */
export interface OwnHeads {
  readonly from: number;
  readonly to: number;
  readonly first: number;
  readonly last: number;
}

export function ownHeads({ heads, kvHeads }: Attention, share: Share): OwnHeads {
  const { from, to } = share(heads);
  const group = heads / kvHeads;
  const first = Math.floor(from / group);
  return { from, to, first, last: to > from ? Math.ceil(to / group) : first };
}

/** Bytes of the keys and values of a block for one token in all threads together: heads that two of them need count twice. */
export function cachedBytes(attention: Attention, shares: readonly Share[]): number {
  const each = padded(attention.headDim) + padded(valueDimOf(attention));
  return shares.reduce((sum, share) => {
    const { first, last } = ownHeads(attention, share);
    return sum + 4 * (last - first) * each;
  }, 0);
}

/** Keys and values of the sequences of one block, as far as this thread needs them. */
export interface BlockCache {
  readonly arena: Arena;
  readonly heads: OwnHeads;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly capacity: number;
  /** The address of the keys of a head of a sequence, [capacity, keyDim], which its values follow, [capacity, valueDim]. */
  addressOf(sequence: number, head: number): number;
  /** Room for numbers of the thread: a query, as many scores as there may be tokens, and a sum of values. */
  readonly queryAt: number;
  readonly scoresAt: number;
  readonly sumAt: number;
}

/** Keys and values of a few sequences in a thread's memory, each thread those of its heads. */
export class SequenceCaches {
  readonly #onDrop: (bytes: number) => void;
  #arenas: Arena[] = [];

  /** `onDrop` hears of memory that nobody reads any more. */
  constructor(onDrop: (bytes: number) => void) {
    this.#onDrop = onDrop;
  }

  /** Makes room for so many sequences of `capacity` tokens; what was there before is forgotten. By block, null without attention. */
  open(
    attentions: readonly (Attention | null)[],
    share: Share,
    { sequences, capacity }: { readonly sequences: number; readonly capacity: number },
  ): (BlockCache | null)[] {
    this.close();
    const blocks = attentions.map((attention) => attention && sizesOf(attention, share, sequences, capacity));
    let [arena, at, rest] = [
      null as Arena | null,
      0,
      blocks.reduce((sum, sizes) => sum + (sizes?.bytes ?? 0), 0),
    ];
    return blocks.map((sizes) => {
      if (!sizes) return null;
      if (!arena || at + sizes.bytes > arena.end) {
        arena = new Arena(Math.min(rest, mostArenaBytes), { columns: 0, rows: 0, inputs: 0 });
        this.#arenas.push(arena);
        at = 0;
      }
      const start = at;
      at += sizes.bytes;
      rest -= sizes.bytes;
      return cacheAt(arena, start, sizes);
    });
  }

  /** Forgets all sequences. */
  close(): void {
    for (const { end } of this.#arenas) this.#onDrop(end);
    this.#arenas = [];
  }
}

interface Sizes extends Pick<BlockCache, 'heads' | 'keyDim' | 'valueDim' | 'capacity'> {
  readonly headBytes: number;
  readonly bytes: number;
}

/** Bytes that a block takes in a thread for so many sequences. */
function sizesOf(attention: Attention, share: Share, sequences: number, capacity: number): Sizes {
  const heads = ownHeads(attention, share);
  const [keyDim, valueDim] = [padded(attention.headDim), padded(valueDimOf(attention))];
  const headBytes = 4 * capacity * (keyDim + valueDim);
  const room = 4 * (keyDim + valueDim + padded(capacity));
  const bytes = sequences * (heads.last - heads.first) * headBytes + room;
  return { heads, keyDim, valueDim, capacity, headBytes, bytes: Math.ceil(bytes / 64) * 64 };
}

function cacheAt(arena: Arena, start: number, sizes: Sizes): BlockCache {
  const { heads, headBytes, keyDim, valueDim, capacity } = sizes;
  const own = heads.last - heads.first;
  const queryAt = start;
  const sumAt = queryAt + 4 * keyDim;
  const scoresAt = sumAt + 4 * valueDim;
  const cachesAt = scoresAt + 4 * padded(capacity);
  return {
    ...{ arena, heads, keyDim, valueDim, capacity, queryAt, sumAt, scoresAt },
    addressOf: (sequence, head) => cachesAt + (sequence * own + head - heads.first) * headBytes,
  };
}
