import { Tensor } from 'onnxruntime-node';
import type { Append, CacheShape } from './protocol.js';

/** Room is added this many tokens at a time, at least. */
const growth = 64;

/**
 * Keys or values of B sequences, [B, kvHeads, capacity, D], grown as tokens come. The engine reads
 * the buffer in place; only the few new rows of a step are ever copied.
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
    return new Tensor('float32', this.#data, [sequences, kvHeads, this.#capacity, headDim]);
  }

  /** Adds `rows` [B, S, kvHeads * D], of which the first `lengths[b]` are real, from `starts[b]` on. */
  append(rows: Float32Array, { starts, lengths }: Append): void {
    const { sequences, kvHeads, headDim } = this.#shape;
    const longest = rows.length / (sequences * kvHeads * headDim);
    this.#reserve(starts.reduce((most, start, b) => Math.max(most, start + lengths[b]!), 0));
    for (let b = 0; b < sequences; b++) {
      for (let s = 0; s < lengths[b]!; s++) {
        for (let h = 0; h < kvHeads; h++) {
          const from = ((b * longest + s) * kvHeads + h) * headDim;
          const to = ((b * kvHeads + h) * this.#capacity + starts[b]! + s) * headDim;
          this.#data.set(rows.subarray(from, from + headDim), to);
        }
      }
    }
  }

  #reserve(tokens: number): void {
    if (tokens <= this.#capacity) return;
    const { sequences, kvHeads, headDim } = this.#shape;
    const capacity = Math.ceil((tokens + growth) / growth) * growth;
    const data = new Float32Array(sequences * kvHeads * capacity * headDim);
    const [oldRun, newRun] = [this.#capacity * headDim, capacity * headDim];
    for (let i = 0; i < sequences * kvHeads; i++) {
      data.set(this.#data.subarray(i * oldRun, (i + 1) * oldRun), i * newRun);
    }
    this.#capacity = capacity;
    this.#data = data;
  }
}
