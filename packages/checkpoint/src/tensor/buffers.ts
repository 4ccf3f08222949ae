export type Bytes = Uint8Array<ArrayBuffer>;

const smallest = 4096;

/**
 * Buffers that are used again: fresh memory costs about as much as reading a file into it. They come in powers of
 * two, and hold what they held before.
 */
export class Buffers {
  readonly #free = new Map<number, ArrayBuffer[]>();

  /** Runs `use` with `bytes` bytes that are nobody else's until it ends. */
  async lend<T>(bytes: number, use: (buffer: Bytes) => Promise<T>): Promise<T> {
    const buffer = this.take(bytes);
    try {
      return await use(buffer);
    } finally {
      this.give(buffer);
    }
  }

  take(bytes: number): Bytes {
    const size = 2 ** Math.ceil(Math.log2(Math.max(smallest, bytes)));
    return new Uint8Array(this.#free.get(size)?.pop() ?? new ArrayBuffer(size), 0, bytes);
  }

  /** Takes back what `take` gave. */
  give({ buffer }: Bytes): void {
    const free = this.#free.get(buffer.byteLength);
    if (free) free.push(buffer);
    else this.#free.set(buffer.byteLength, [buffer]);
  }
}

/** Bytes as what is moved at once: one or two of them, where the `byteOffset` is even. */
export function unitsOf(bytes: Bytes, unit: 1 | 2): Uint8Array | Uint16Array {
  const { buffer, byteOffset, length } = bytes;
  return unit === 1 ? bytes : new Uint16Array(buffer, byteOffset, length / 2);
}
