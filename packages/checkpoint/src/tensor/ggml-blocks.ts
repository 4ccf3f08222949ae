import { type BlockMachine, type BlockTable, type GgmlBlockType, ggmlBlocks } from '@moepress/core/tensor';

/** An array of whole numbers up to 255, or of numbers in fp32, row-major. */
interface Numbers {
  readonly data: Data;
  readonly shape: readonly number[];
}

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

/** Tables in fp32, as often as they are asked for. */
const tables = new WeakMap<BlockTable, Float32Array>();

function tableOf(table: BlockTable): Float32Array {
  const known = tables.get(table);
  if (known) return known;
  const made = Float32Array.from(table.values);
  tables.set(table, made);
  return made;
}

/** Carries out the operations of formats on blocks that are in memory. */
class ArrayMachine implements BlockMachine<Numbers> {
  readonly #bytes: Uint8Array;
  readonly #size: number;
  readonly #blocks: number;

  /** Blocks of `size` bytes each. */
  constructor(bytes: Uint8Array, size: number) {
    this.#bytes = bytes;
    this.#size = size;
    this.#blocks = bytes.length / size;
  }

  bytes(from: number, to: number): Numbers {
    const width = to - from;
    const data = new Uint8Array(this.#blocks * width);
    for (let block = 0; block < this.#blocks; block++) {
      // Not by `set`, which takes longer for a few bytes.
      const at = block * this.#size + from;
      for (let i = 0; i < width; i++) data[block * width + i] = this.#bytes[at + i]!;
    }
    return { data, shape: [this.#blocks, width] };
  }

  shaped({ data }: Numbers, ...sizes: readonly number[]): Numbers {
    return { data, shape: [this.#blocks, ...sizes] };
  }

  joined(parts: readonly Numbers[], axis: number): Numbers {
    const [first] = parts as [Numbers];
    const { shape } = first;
    const outer = product(shape.slice(0, axis));
    const widths = parts.map((part) => product(part.shape.slice(axis)));
    const width = widths.reduce((a, b) => a + b, 0);
    const data = like(first, outer * width);
    let at = 0;
    for (const [i, part] of parts.entries()) {
      const own = widths[i]!;
      for (let row = 0; row < outer; row++)
        data.set(part.data.subarray(row * own, (row + 1) * own), row * width + at);
      at += own;
    }
    const size = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
    return { data, shape: shape.with(axis, size) };
  }

  part(a: Numbers, axis: number, from: number, to: number): Numbers {
    const { shape } = a;
    const outer = product(shape.slice(0, axis));
    const inner = product(shape.slice(axis + 1));
    const [width, own] = [shape[axis]! * inner, (to - from) * inner];
    const data = like(a, outer * own);
    for (let row = 0; row < outer; row++) {
      const begin = row * width + from * inner;
      data.set(a.data.subarray(begin, begin + own), row * own);
    }
    return { data, shape: shape.with(axis, to - from) };
  }

  right({ data, shape }: Numbers, axis: number, by: readonly number[]): Numbers {
    const inner = product(shape.slice(axis + 1));
    const outer = data.length / inner;
    const out = new Uint8Array(data.length * by.length);
    for (let row = 0, at = 0; row < outer; row++) {
      const begin = row * inner;
      for (const bits of by) for (let i = begin; i < begin + inner; i++) out[at++] = data[i]! >> bits;
    }
    return { data: out, shape: shape.with(axis, by.length) };
  }

  left({ data, shape }: Numbers, by: number): Numbers {
    const out = new Uint8Array(data.length);
    for (let i = 0; i < out.length; i++) out[i] = data[i]! << by;
    return { data: out, shape };
  }

  masked({ data, shape }: Numbers, mask: number): Numbers {
    const out = new Uint8Array(data.length);
    for (let i = 0; i < out.length; i++) out[i] = data[i]! & mask;
    return { data: out, shape };
  }

  or(a: Numbers, b: Numbers): Numbers {
    const out = new Uint8Array(a.data.length);
    for (let i = 0; i < out.length; i++) out[i] = a.data[i]! | b.data[i]!;
    return { data: out, shape: a.shape };
  }

  numbers({ data, shape }: Numbers): Numbers {
    return { data: new Float32Array(data), shape };
  }

  entries(table: BlockTable, low: Numbers, high?: Numbers): Numbers {
    const { width } = table;
    const values = tableOf(table);
    const data = new Float32Array(low.data.length * width);
    for (let i = 0, at = 0; i < low.data.length; i++) {
      const from = (low.data[i]! + (high ? 256 * high.data[i]! : 0)) * width;
      for (let j = 0; j < width; j++) data[at++] = values[from + j]!;
    }
    return { data, shape: [...low.shape, width] };
  }

  times = (a: Numbers, b: Numbers | number): Numbers => combine(a, b, products);
  plus = (a: Numbers, b: Numbers | number): Numbers => combine(a, b, sums);
  minus = (a: Numbers, b: Numbers): Numbers => combine(a, b, differences);
}

const like = (a: Numbers, length: number) =>
  a.data instanceof Float32Array ? new Float32Array(length) : new Uint8Array(length);

/** `count` neighbouring results from `at` on, of operands from `x` and `y` on; a step of 0 repeats an operand. */
type Row = (
  out: Float32Array,
  at: number,
  count: number,
  operands: { a: Data; x: number; stepA: number; b: Data; y: number; stepB: number },
) => void;

type Data = Uint8Array | Float32Array;

// Three loops, not one that is told what to do: V8 would call that for every element.
const products: Row = (out, at, count, { a, x, stepA, b, y, stepB }) => {
  for (let i = 0; i < count; i++) out[at + i] = a[x + i * stepA]! * b[y + i * stepB]!;
};
const sums: Row = (out, at, count, { a, x, stepA, b, y, stepB }) => {
  for (let i = 0; i < count; i++) out[at + i] = a[x + i * stepA]! + b[y + i * stepB]!;
};
const differences: Row = (out, at, count, { a, x, stepA, b, y, stepB }) => {
  for (let i = 0; i < count; i++) out[at + i] = a[x + i * stepA]! - b[y + i * stepB]!;
};

/** Element by element, rounded to fp32, which for one operation in double precision is what fp32 itself gives. */
function combine(a: Numbers, b: Numbers | number, row: Row): Numbers {
  if (typeof b === 'number') {
    const data = new Float32Array(a.data.length);
    row(data, 0, data.length, { a: a.data, x: 0, stepA: 1, b: Float32Array.of(b), y: 0, stepB: 0 });
    return { data, shape: a.shape };
  }
  const rank = Math.max(a.shape.length, b.shape.length);
  const [left, right] = [padded(a.shape, rank), padded(b.shape, rank)];
  const shape = left.map((size, axis) => (size === 1 ? right[axis]! : size));
  const data = new Float32Array(product(shape));
  const inner = shape[rank - 1]!;
  const [stepA, stepB] = [left[rank - 1] === 1 ? 0 : 1, right[rank - 1] === 1 ? 0 : 1];
  const [startsA, startsB] = [starts(left, shape), starts(right, shape)];
  const operands = { a: a.data, x: 0, stepA, b: b.data, y: 0, stepB };
  for (let i = 0; i < startsA.length; i++) {
    operands.x = startsA[i]!;
    operands.y = startsB[i]!;
    row(data, i * inner, inner, operands);
  }
  return { data, shape };
}

const padded = (shape: readonly number[], rank: number): number[] => [
  ...Array<number>(rank - shape.length).fill(1),
  ...shape,
];

/** Where each last-axis row of the result begins in an operand, whose axes of size one are repeated. */
function starts(own: readonly number[], shape: readonly number[]): Uint32Array {
  let begin = Uint32Array.of(0);
  const last = shape.length - 1;
  for (let axis = 0; axis < last; axis++) {
    const stride = own[axis] === 1 ? 0 : product(own.slice(axis + 1));
    const size = shape[axis]!;
    const next = new Uint32Array(begin.length * size);
    for (let i = 0, at = 0; i < begin.length; i++)
      for (let j = 0; j < size; j++) next[at++] = begin[i]! + j * stride;
    begin = next;
  }
  return begin;
}

/**
 * The numbers that whole blocks of a type of ggml stand for, in fp32: those of `dequantize` of the Python package gguf
 * to the last bit. Throws a RangeError if `bytes` are not whole blocks.
 */
export function dequantiseBlocks(type: GgmlBlockType, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const { bytes: size, values } = ggmlBlocks[type];
  if (bytes.length % size !== 0) throw new RangeError(`${bytes.length} bytes are no blocks of ${type}.`);
  return values(new ArrayMachine(bytes, size)).data as Float32Array<ArrayBuffer>;
}
