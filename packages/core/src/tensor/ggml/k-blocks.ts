import { type BlockFormat, type BlockMachine, halfAt, nibbles, signedOf, tableOf } from './block-machine.js';

/** Blocks of 256 elements with scales of scales, as `block_q2_K` and its neighbours in ggml-common.h of llama.cpp. */

/** Codes of two bits: of every 32 bytes first the lowest bits of all, then the next ones. */
export const pairs = <A>(m: BlockMachine<A>, bytes: A): A =>
  m.shaped(m.masked(m.right(m.shaped(bytes, 2, 1, 32), 2, [0, 2, 4, 6]), 3), 256);

export const q2_k: BlockFormat = (m) => {
  const packed = m.bytes(0, 16);
  const scales = m.times(halfAt(m, 80), m.numbers(m.masked(packed, 15)));
  const upper = m.shaped(m.right(m.shaped(packed, 1, 16), 1, [4]), 16);
  const least = m.times(halfAt(m, 82), m.numbers(upper));
  const codes = m.shaped(m.numbers(pairs(m, m.bytes(16, 80))), 16, 16);
  return m.shaped(m.minus(m.times(m.shaped(scales, 16, 1), codes), m.shaped(least, 16, 1)), 256);
};

export const q3_k: BlockFormat = (m) => {
  const lower = nibbles(m, m.bytes(96, 104), 1, 8);
  const upper = m.masked(m.right(m.shaped(m.bytes(104, 108), 1, 4), 1, [0, 2, 4, 6]), 3);
  const scales = m.or(lower, m.left(m.shaped(upper, 16), 4));
  const factors = m.times(halfAt(m, 108), m.plus(m.numbers(scales), -32));
  const bits = m.masked(m.right(m.shaped(m.bytes(0, 32), 1, 32), 1, [0, 1, 2, 3, 4, 5, 6, 7]), 1);
  // The third bit, where it is missing, takes four away.
  const codes = m.or(pairs(m, m.bytes(32, 96)), m.left(m.shaped(bits, 256), 2));
  const values = m.plus(m.numbers(codes), -4);
  return m.shaped(m.times(m.shaped(factors, 16, 1), m.shaped(values, 16, 16)), 256);
};

/** Scales and least values of q4_k and q5_k, both in six bits: products with their common factors, [blocks, 8, 1]. */
function scalesAndLeast<A>(m: BlockMachine<A>): { scales: A; least: A } {
  const [scale, least, both] = [m.bytes(4, 8), m.bytes(8, 12), m.bytes(12, 16)];
  const six = (first: A, rest: A) => {
    const high = m.masked(m.right(m.shaped(first, 1, 4), 1, [2]), 48);
    return m.numbers(m.joined([m.masked(first, 63), m.or(m.shaped(rest, 4), m.shaped(high, 4))], 1));
  };
  const upper = m.right(m.shaped(both, 1, 4), 1, [4]);
  return {
    scales: m.shaped(m.times(halfAt(m, 0), six(scale, m.masked(both, 15))), 8, 1),
    least: m.shaped(m.times(halfAt(m, 2), six(least, upper)), 8, 1),
  };
}

const affine = <A>(m: BlockMachine<A>, codes: A): A => {
  const { scales, least } = scalesAndLeast(m);
  return m.shaped(m.minus(m.times(scales, m.shaped(m.numbers(codes), 8, 32)), least), 256);
};

export const q4_k: BlockFormat = (m) => affine(m, nibbles(m, m.bytes(16, 144), 4, 32));

export const q5_k: BlockFormat = (m) => {
  const fifth = m.masked(m.right(m.shaped(m.bytes(16, 48), 1, 32), 1, [0, 1, 2, 3, 4, 5, 6, 7]), 1);
  return affine(m, m.or(nibbles(m, m.bytes(48, 176), 4, 32), m.left(m.shaped(fifth, 256), 4)));
};

export const q6_k: BlockFormat = (m) => {
  const lower = nibbles(m, m.bytes(0, 128), 2, 64);
  const codes = m.or(lower, m.left(pairs(m, m.bytes(128, 192)), 4));
  const factors = m.times(halfAt(m, 208), signedOf(m, m.bytes(192, 208), 16));
  const values = m.shaped(m.plus(m.numbers(codes), -32), 16, 16);
  return m.shaped(m.times(m.shaped(factors, 16, 1), values), 256);
};

/** Three values in two bits. */
export const tq2_0: BlockFormat = (m) =>
  m.times(halfAt(m, 64), m.plus(m.numbers(pairs(m, m.bytes(0, 64))), -1));

/** The ternary digits of every byte, which stands for a fraction of 256, at one place. */
const ternaryDigits = [1, 3, 9, 27, 81].map((power) =>
  tableOf(Array.from({ length: 256 }, (_, byte) => (((byte * power) & 255) * 3) >> 8)),
);

/** Values of three levels, five of them in a byte: of 32 bytes, of 16, and four each of 4. */
export const tq1_0: BlockFormat = (m) => {
  const digits = (from: number, count: number, most: number) => {
    const bytes = m.bytes(from, from + count);
    const each = ternaryDigits.slice(0, most).map((table) => m.shaped(m.entries(table, bytes), count));
    return m.joined(each, 1);
  };
  const codes = m.joined([digits(0, 32, 5), digits(32, 16, 5), digits(48, 4, 4)], 1);
  return m.times(halfAt(m, 52), m.plus(codes, -1));
};
