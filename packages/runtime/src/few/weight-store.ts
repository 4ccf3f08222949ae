import { decodeFloat32, Reading, toFloat32 } from '@moepress/checkpoint/tensor';
import { byteLength, elementCount, type TensorExpr } from '@moepress/core/tensor';
import { Arena, mostArenaBytes, type Placed, type Widest } from './arena.js';
import { heldBytes, type Readable, readableOf } from './formats.js';
import type { Team } from './team.js';
import { numberBytes } from './tile-kernels.js';
import type { WideProduct } from './wide-products.js';

/** Bytes that are read at once. */
const blockBytes = 4 * 2 ** 20;

/** This thread's rows of a matrix, which are in memory while their group is. */
export interface Held {
  readonly readable: Readable;
  /** Which rows they are. */
  readonly from: number;
  readonly to: number;
  readonly width: number;
  placed: Placed | null;
  arena: Arena | null;
  /** What makes its products with many rows; null: those of the arena do. */
  wide: WideProduct | null;
}

/** Matrices that are read, and make room for others, together: those of an expert. */
export interface Group {
  readonly matrices: readonly Held[];
  readonly bytes: number;
  /** Where it has room; null: nowhere. */
  room: Room | null;
  /** Grows with time. */
  used: number;
}

interface Room {
  readonly arena: Arena;
  readonly at: number;
  readonly bytes: number;
}

/**
 * A thread's rows of the weights of a model. They are read from their files when they are first needed; where there is no
 * room for all, in the place of those that have not been used for the longest time.
 */
export class WeightStore {
  readonly #team: Team;
  readonly #arenas: Arena[] = [];
  readonly #free: number[] = [];
  readonly #reading: Reading;
  readonly #groups: Group[] = [];
  readonly #byExpr = new Map<TensorExpr, Held>();
  #clock = 0;

  /** `bytes` are what it may hold. Throws a `RangeError` if the machine has no memory of that size. */
  constructor(team: Team, bytes: number, widest: Widest) {
    this.#team = team;
    this.#reading = new Reading(blockBytes);
    for (let rest = bytes; rest > 0; ) {
      const arena = new Arena(rest, widest);
      this.#arenas.push(arena);
      this.#free.push(arena.start);
      rest -= Math.min(rest, mostArenaBytes - arena.start);
    }
  }

  /** Bytes of its memory. */
  get bytes(): number {
    return this.#arenas.reduce((sum, { end }) => sum + end, 0);
  }

  /** Matrices that are in memory together. */
  group(exprs: readonly TensorExpr[]): Group {
    const matrices = exprs.map((expr) => this.#held(expr));
    const bytes = matrices.reduce((sum, held) => sum + bytesOfHeld(held), 0);
    return { matrices, bytes, room: null, used: 0 };
  }

  #held(expr: TensorExpr): Held {
    const readable = readableOf(expr);
    if (!readable) throw new TypeError(`${expr.kind} is held in no way.`);
    const [count, width] = expr.shape as [number, number];
    const held: Held = {
      readable,
      ...this.#team.shareOf(count),
      width,
      placed: null,
      arena: null,
      wide: null,
    };
    this.#byExpr.set(expr, held);
    return held;
  }

  /** A matrix of a group. */
  heldOf(expr: TensorExpr): Held | null {
    return this.#byExpr.get(expr) ?? null;
  }

  /** Whether all of a group is in memory; it counts as used now. */
  has(group: Group): boolean {
    group.used = ++this.#clock;
    return group.room !== null;
  }

  /** Reads a group. Throws what reading throws. */
  async load(group: Group, isEvictable = true): Promise<void> {
    if (this.has(group)) return;
    const room = this.#roomFor(group);
    let { at } = room;
    for (const held of group.matrices) {
      const { readable, from, to, width } = held;
      const bytes = heldBytes(readable, to - from, width);
      const { format } = readable;
      const placed = { format, rows: to - from, columns: width, at, scalesAt: at + bytes.numbers };
      await this.#read(held, placed, room.arena);
      held.placed = placed;
      held.arena = room.arena;
      at += bytes.all;
    }
    group.room = room;
    if (isEvictable) this.#groups.push(group);
  }

  async #read({ readable, from, to, width }: Held, placed: Placed, arena: Arena) {
    const count = to - from;
    const { of, format } = readable;
    if (format === 'mxfp4') {
      const codes = width / 2;
      const into = arena.bytes.subarray(placed.at, placed.at + count * codes);
      await this.#reading.read(of, from * codes, to * codes, into);
      const each = width / 32;
      const exponents = new Uint8Array(count * each);
      await this.#reading.read(readable.scales, from * each, to * each, exponents);
      for (const [i, exponent] of exponents.entries()) {
        arena.floats[placed.scalesAt / 4 + i] = 2 ** (exponent - 127);
      }
      return;
    }
    const rowBytes = width * numberBytes[format];
    const { at, rows } = arena.staging(rowBytes);
    for (let first = 0; first < count; first += rows) {
      const some = Math.min(rows, count - first);
      const into = arena.bytes.subarray(at, at + some * rowBytes);
      await this.#reading.read(of, (from + first) * width, (from + first + some) * width, into);
      arena.pack({ ...placed, format }, first, some);
    }
  }

  /** Room that is free, or that of the group that has not been used for the longest time and is as large. */
  #roomFor({ bytes }: Group): Room {
    for (const [i, arena] of this.#arenas.entries()) {
      const at = this.#free[i]!;
      if (at + bytes > arena.end) continue;
      this.#free[i] = at + bytes;
      return { arena, at, bytes };
    }
    let oldest = -1;
    for (const [i, { room, used }] of this.#groups.entries()) {
      if (room!.bytes < bytes) continue;
      if (oldest < 0 || used < this.#groups[oldest]!.used) oldest = i;
    }
    const [evicted] = oldest < 0 ? [] : this.#groups.splice(oldest, 1);
    if (!evicted) throw new RangeError('There is no room for the weights.');
    const room = evicted.room!;
    evicted.room = null;
    return room;
  }

  /** A few rows of a matrix as numbers. Throws what reading throws. */
  async rows(expr: TensorExpr, from: number, to: number): Promise<Float32Array> {
    const width = elementCount(expr.shape.slice(1));
    const dtype = expr.dtype as 'F32' | 'F16' | 'BF16';
    const bytes = new Uint8Array(byteLength(dtype, [to - from, width]));
    await this.#reading.read(expr, from * width, to * width, bytes);
    return toFloat32(bytes, dtype);
  }

  async close(): Promise<void> {
    await this.#reading.close();
  }
}

const bytesOfHeld = ({ readable, from, to, width }: Held): number =>
  heldBytes(readable, to - from, width).all;

/** The numbers of a small tensor. */
export const numbersIn = (expr: TensorExpr): Promise<Float32Array> => decodeFloat32(expr);
