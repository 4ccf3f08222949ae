import { elementCount, type TensorExpr, type TransposeExpr } from '@moepress/core/tensor';
import { type Bytes, unitsOf } from './buffers.js';
import { type OperandReader, type RowRange, sizeOf } from './pieces.js';

/** Bytes of matrices that are kept for the next rows: two of gpt-oss' largest. */
export const mostTransposedBytes = 72 * 1024 * 1024;

/** A matrix that is held whole. */
interface Held {
  readonly bytes: Bytes;
  /** Done when the bytes are there. */
  readonly read: Promise<void>;
  users: number;
}

/**
 * Rows of transposed matrices. Each is spread over all rows of the operand, which is therefore held whole: those used
 * last, as long as they take no more than `mostBytes` or are in use.
 */
export class Transposes {
  readonly #reading: OperandReader;
  readonly #mostBytes: number;
  /** Transposed blocks by their source; the most recently used come last. */
  readonly #held = new Map<TensorExpr, Held>();

  constructor(reading: OperandReader, mostBytes: number = mostTransposedBytes) {
    this.#reading = reading;
    this.#mostBytes = mostBytes;
  }

  /** Rows [from, to) of a transposed matrix into `target`. */
  async rows(expr: TransposeExpr, rows: RowRange): Promise<void> {
    const held = this.#hold(expr.of);
    try {
      await held.read;
      transposeRows({ bytes: held.bytes, shape: expr.shape as [number, number], size: sizeOf(expr) }, rows);
    } finally {
      held.users--;
    }
  }

  #hold(of: TensorExpr): Held {
    const known = this.#held.get(of);
    if (known) {
      this.#held.delete(of);
      this.#held.set(of, known);
      known.users++;
      return known;
    }
    const count = elementCount(of.shape);
    this.#makeRoom(count * sizeOf(of));
    const bytes = this.#reading.buffers.take(count * sizeOf(of));
    const held: Held = { bytes, read: this.#read(of, count, bytes), users: 1 };
    this.#held.set(of, held);
    return held;
  }

  /** Computed in blocks, so that the intermediate values are never in memory as a whole. */
  async #read(of: TensorExpr, count: number, bytes: Bytes): Promise<void> {
    const size = sizeOf(of);
    const step = Math.max(1, Math.floor(this.#reading.blockBytes / size));
    for (let begin = 0; begin < count; begin += step) {
      const end = Math.min(count, begin + step);
      await this.#reading.read(of, begin, end, bytes.subarray(begin * size, end * size));
    }
  }

  #makeRoom(bytes: number): void {
    let sum = bytes;
    for (const held of this.#held.values()) sum += held.bytes.length;
    for (const [of, held] of this.#held) {
      if (sum <= this.#mostBytes) return;
      if (held.users > 0) continue;
      this.#held.delete(of);
      this.#reading.buffers.give(held.bytes);
      sum -= held.bytes.length;
    }
  }
}

/** Columns and rows exchanged at a time: their cache lines are used up before they are dropped. */
const edge = 32;

/** A matrix to be transposed. */
interface Transposed {
  /** Its bytes as they are, [columns, rows]. */
  readonly bytes: Bytes;
  /** The shape that it shall have. */
  readonly shape: readonly [rows: number, columns: number];
  /** Bytes of a number. */
  readonly size: number;
}

/** Rows [from, to) of the transposed matrix. */
export function transposeRows(
  { bytes, shape: [rows, columns], size }: Transposed,
  { from, to, target }: RowRange,
): void {
  // Two bytes a number is what nearly all are: moved at once.
  const unit = size % 2 === 0 && bytes.byteOffset % 2 === 0 && target.byteOffset % 2 === 0 ? 2 : 1;
  const [source, out] = [unitsOf(bytes, unit), unitsOf(target, unit)];
  const parts = size / unit;
  for (let top = from; top < to; top += edge) {
    const bottom = Math.min(to, top + edge);
    for (let left = 0; left < columns; left += edge) {
      const right = Math.min(columns, left + edge);
      for (let row = top; row < bottom; row++) {
        let at = ((row - from) * columns + left) * parts;
        for (let column = left; column < right; column++) {
          const begin = (column * rows + row) * parts;
          for (let part = 0; part < parts; part++) out[at++] = source[begin + part]!;
        }
      }
    }
  }
}
