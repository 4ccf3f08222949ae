import { closeSync, openSync, readSync } from 'node:fs';
import { type SharedMemory, webAssembly } from '@moepress/checkpoint/web-assembly';
import { arrange, productModule } from './module.js';
import type { HeadPlacement } from './placement.js';

/** Rows of the head whose products with all rows of activations are made before the next: 128 KiB or so stay in a core's cache. */
const rowsAtOnce = 32;

/** Bytes that are read from a file at once. */
const readBytes = 4 * 2 ** 20;

interface Exports {
  product(weights: number, rows: number, columns: number, x: number, y: number): void;
}

/** The language-model head in shared memory, as one worker thread multiplies with it. */
export class HeadKernel {
  readonly #memory: SharedMemory;
  readonly #placement: HeadPlacement;
  readonly #product: Exports['product'];

  constructor(memory: SharedMemory, placement: HeadPlacement) {
    this.#memory = memory;
    this.#placement = placement;
    const module = new webAssembly.Module(productModule());
    const { exports } = new webAssembly.Instance(module, { memory: { shared: memory } });
    this.#product = (exports as unknown as Exports).product;
  }

  /** Reads this worker's share of the weights from their file. Throws what reading throws. */
  fill(): void {
    const { file, offset, share } = this.#placement;
    const bytes = new Uint8Array(this.#memory.buffer);
    const source = openSync(file, 'r');
    try {
      for (let at = share.from; at < share.to; ) {
        const read = readSync(source, bytes, at, Math.min(readBytes, share.to - at), offset + at);
        if (read === 0) throw new Error(`${file} ends early.`);
        at += read;
      }
    } finally {
      closeSync(source);
    }
  }

  /** The most probable token for each row of `normed` [rows, columns], the first of equals, and the sum of all logits. */
  next(normed: Float32Array): { tokens: Int32Array; sum: number } {
    const { rows, columns, scratch } = this.#placement;
    const count = normed.length / columns;
    const floats = new Float32Array(this.#memory.buffer);
    const x = (row: number) => scratch + 4 * columns * row;
    const y = (row: number) => scratch + 4 * (columns * count + rows * row);
    for (let row = 0; row < count; row++) {
      const into = floats.subarray(x(row) / 4, x(row) / 4 + columns);
      arrange(normed.subarray(row * columns, (row + 1) * columns), into);
    }
    for (let first = 0; first < rows; first += rowsAtOnce) {
      const some = Math.min(rowsAtOnce, rows - first);
      for (let row = 0; row < count; row++) {
        this.#product(2 * columns * first, some, columns, x(row), y(row) + 4 * first);
      }
    }
    const tokens = new Int32Array(count);
    let sum = 0;
    for (let row = 0; row < count; row++) {
      const logits = floats.subarray(y(row) / 4, y(row) / 4 + rows);
      let best = 0;
      for (let token = 0; token < rows; token++) {
        sum += logits[token]!;
        if (logits[token]! > logits[best]!) best = token;
      }
      tokens[row] = best;
    }
    return { tokens, sum };
  }
}
