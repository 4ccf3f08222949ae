/** Numbers of an array by descending value, the lower index first among equals; each costs log2 of the length. */
export class Descending {
  readonly #values: Float64Array;
  readonly #heap: Int32Array;
  #size: number;

  constructor(values: Float64Array) {
    this.#values = values;
    this.#heap = Int32Array.from(values, (_, i) => i);
    this.#size = values.length;
    for (let i = (this.#size >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  /** The next index; undefined after the last. */
  next(): number | undefined {
    if (this.#size === 0) return undefined;
    const first = this.#heap[0]!;
    this.#heap[0] = this.#heap[--this.#size]!;
    this.#sink(0);
    return first;
  }

  #isBefore(a: number, b: number): boolean {
    const [left, right] = [this.#values[a]!, this.#values[b]!];
    return left > right || (left === right && a < b);
  }

  #sink(from: number): void {
    const moved = this.#heap[from]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#isBefore(this.#heap[child + 1]!, this.#heap[child]!)) child++;
      if (this.#isBefore(moved, this.#heap[child]!)) break;
      this.#heap[at] = this.#heap[child]!;
      at = child;
    }
    this.#heap[at] = moved;
  }
}
