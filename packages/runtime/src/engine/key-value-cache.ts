import { Tensor } from './onnx-runtime.js';
import { type CacheRows, type CacheShape, cacheGrowth } from './protocol.js';

/** Where rows [first, end) of the list follow each other, which heads-first outputs let copy at once. */
function* stretches(rows: Int32Array, together: boolean): Generator<[number, number]> {
  let first = 0;
  for (let end = 1; end <= rows.length; end++) {
    if (together && end < rows.length && rows[end] === rows[end - 1]! + 1) continue;
    yield [first, end];
    first = end;
  }
}

/**
 * Keys or values of B sequences, [B, kvHeads, capacity, D], grown as tokens come. The engine reads
 * the buffer in place; only new rows are ever copied. What several sequences share is a cache of one sequence,
 * [kvHeads, tokens, D], which ends where the last rows do that were put into it.
 */
export class KeyValueCache {
  #shape: CacheShape;
  #capacity = 0;
  #data = new Float32Array(0);
  readonly #onDrop: (bytes: number) => void;

  /** `onDrop` hears of memory that nobody reads any more. */
  constructor(shape: CacheShape, onDrop: (bytes: number) => void = () => {}) {
    this.#shape = shape;
    this.#onDrop = onDrop;
  }

  get bytes(): number {
    return this.#data.byteLength;
  }

  get tensor(): Tensor {
    const { sequences, kvHeads, headDim } = this.#shape;
    const dims = [kvHeads, this.#capacity, headDim];
    return new Tensor('float32', this.#data, sequences === null ? dims : [sequences, ...dims]);
  }

  /** Copies rows of an output into the places of their sequences. */
  append(output: Float32Array, { headsFirst, parts }: CacheRows): void {
    const { kvHeads, headDim } = this.#shape;
    this.#reserve(parts.reduce((most, { start, rows }) => Math.max(most, start + rows.length), 0));
    const count = output.length / (kvHeads * headDim);
    for (const { sequence, start, rows } of parts) {
      for (const [first, end] of stretches(rows, headsFirst)) {
        for (let h = 0; h < kvHeads; h++) {
          const from = (headsFirst ? h * count + rows[first]! : rows[first]! * kvHeads + h) * headDim;
          const to = ((sequence * kvHeads + h) * this.#capacity + start + first) * headDim;
          this.#data.set(output.subarray(from, from + (end - first) * headDim), to);
        }
      }
    }
  }

  /** Forgets all sequences but some, in ascending order, which are numbered anew. What all share stays. */
  keepSequences(kept: readonly number[]): void {
    const { sequences, kvHeads, headDim } = this.#shape;
    if (sequences === null) return;
    const each = kvHeads * this.#capacity * headDim;
    for (const [to, from] of kept.entries()) {
      this.#data.copyWithin(to * each, from * each, (from + 1) * each);
    }
    this.#replace(this.#data.slice(0, kept.length * each));
    this.#shape = { ...this.#shape, sequences: kept.length };
  }

  /** The first tokens of a sequence, or of what all share, [kvHeads, tokens, D], in memory that other threads may see. */
  share(sequence: number, tokens: number): Float32Array {
    const { kvHeads, headDim } = this.#shape;
    const shared = new Float32Array(new SharedArrayBuffer(4 * kvHeads * tokens * headDim));
    for (let h = 0; h < kvHeads; h++) {
      const from = (sequence * kvHeads + h) * this.#capacity * headDim;
      shared.set(this.#data.subarray(from, from + tokens * headDim), h * tokens * headDim);
    }
    return shared;
  }

  #reserve(tokens: number): void {
    const { sequences, kvHeads, headDim } = this.#shape;
    if (sequences === null ? tokens === this.#capacity : tokens <= this.#capacity) return;
    const grown = Math.ceil((tokens + cacheGrowth) / cacheGrowth) * cacheGrowth;
    const capacity = sequences === null ? tokens : (this.#shape.tokens ?? grown);
    const count = (sequences ?? 1) * kvHeads;
    const data = new Float32Array(count * capacity * headDim);
    const kept = Math.min(this.#capacity, capacity) * headDim;
    const [oldRun, newRun] = [this.#capacity * headDim, capacity * headDim];
    for (let i = 0; i < count; i++) {
      data.set(this.#data.subarray(i * oldRun, i * oldRun + kept), i * newRun);
    }
    this.#capacity = capacity;
    this.#replace(data);
  }

  #replace(data: Float32Array<ArrayBuffer>): void {
    const { bytes } = this;
    this.#data = data;
    this.#onDrop(bytes);
  }
}
