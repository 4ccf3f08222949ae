import { Tensor } from 'onnxruntime-node';
import type { Append, CacheShape } from './protocol.js';

/** Room is added this many tokens at a time, at least. */
const growth = 64;

/**
 * Keys or values of B sequences, [B, kvHeads, capacity, D], grown as tokens come. The engine reads
 * the buffer in place; only new rows are ever copied. What several sequences share is a cache of one sequence,
 * [kvHeads, tokens, D], with no room beyond its tokens.
 */
export class KeyValueCache {
  readonly #shape: CacheShape;
  #capacity = 0;
  #data = new Float32Array(0);

  constructor(shape: CacheShape) {
    this.#shape = shape;
  }

  get tensor(): Tensor {
    const { sequences, kvHeads, headDim } = this.#shape;
    const dims = [kvHeads, this.#capacity, headDim];
    return new Tensor('float32', this.#data, sequences === null ? dims : [sequences, ...dims]);
  }

  /** Copies rows of an output into the places of their sequences. */
  append(output: Float32Array, { headsFirst, parts }: Append): void {
    const { kvHeads, headDim } = this.#shape;
    this.#reserve(parts.reduce((most, { start, rows }) => Math.max(most, start + rows.length), 0));
    const count = output.length / (kvHeads * headDim);
    for (const { sequence, start, rows } of parts) {
      for (const [i, row] of rows.entries()) {
        for (let h = 0; h < kvHeads; h++) {
          const from = (headsFirst ? h * count + row : row * kvHeads + h) * headDim;
          const to = ((sequence * kvHeads + h) * this.#capacity + start + i) * headDim;
          this.#data.set(output.subarray(from, from + headDim), to);
        }
      }
    }
  }

  #reserve(tokens: number): void {
    if (tokens <= this.#capacity) return;
    const { sequences, kvHeads, headDim } = this.#shape;
    const capacity = sequences === null ? tokens : Math.ceil((tokens + growth) / growth) * growth;
    const count = (sequences ?? 1) * kvHeads;
    const data = new Float32Array(count * capacity * headDim);
    const [oldRun, newRun] = [this.#capacity * headDim, capacity * headDim];
    for (let i = 0; i < count; i++) {
      data.set(this.#data.subarray(i * oldRun, (i + 1) * oldRun), i * newRun);
    }
    this.#capacity = capacity;
    this.#data = data;
  }
}
