/**
 * What the formats of ggml's blocks are written in: few operations on arrays whose first axis counts blocks. They are
 * carried out by plain code, which reads files, and by nodes of a graph, which computes with what is mapped; both
 * round where fp32 does, so that they agree to the last bit.
 */
export interface BlockMachine<A> {
  /** Bytes [from, to) of every block, whole numbers from 0 to 255: [blocks, to - from]. */
  bytes(from: number, to: number): A;
  /** The same elements as [blocks, ...sizes]. */
  shaped(a: A, ...sizes: readonly number[]): A;
  /** Arrays that differ in the size of one axis, one after the other. */
  joined(parts: readonly A[], axis: number): A;
  /** Elements [from, to) of an axis. */
  part(a: A, axis: number, from: number, to: number): A;
  /** Whole numbers shifted to the right: an axis of size one becomes as long as `by`. */
  right(a: A, axis: number, by: readonly number[]): A;
  /** Whole numbers shifted to the left; what exceeds eight bits is lost. */
  left(a: A, by: number): A;
  /** The bits of whole numbers that `mask` has. */
  masked(a: A, mask: number): A;
  /** The bits of both. */
  or(a: A, b: A): A;
  /** Whole numbers as floating-point numbers. */
  numbers(a: A): A;
  /**
   * For each whole number `low` + 256 `high` the entry of that number in a table whose entries have `width` numbers,
   * as a further axis.
   */
  entries(table: BlockTable, low: A, high?: A): A;
  /** Products, sums and differences of floating-point numbers, of shapes that broadcast as NumPy's do. */
  times(a: A, b: A | number): A;
  plus(a: A, b: A | number): A;
  minus(a: A, b: A): A;
}

/** Constants that whole numbers select from. */
export interface BlockTable {
  readonly values: readonly number[];
  /** Numbers of an entry. */
  readonly width: number;
}

/** The elements of blocks, [blocks, elements of a block] in fp32. */
export type BlockFormat = <A>(machine: BlockMachine<A>) => A;

/** A table with one number for each entry; `entries` of it add an axis of size one. */
export const tableOf = (values: readonly number[]): BlockTable => ({ values, width: 1 });

/** 2^(max(e, 1) - 25), by which what follows the exponent e of a half is multiplied. */
const halfFactors = tableOf(
  Array.from({ length: 64 }, (_, i) => {
    const exponent = i & 31;
    const magnitude = exponent === 31 ? Number.POSITIVE_INFINITY : 2 ** (Math.max(exponent, 1) - 25);
    return i < 32 ? magnitude : -magnitude;
  }),
);

/** The bit before the fraction, which numbers with the exponent 0 lack. */
const halfLeads = tableOf(Array.from({ length: 32 }, (_, exponent) => (exponent === 0 ? 0 : 1024)));

/** Numbers of half precision whose bytes are given apart; infinities and NaN become infinities. */
export function halvesOf<A>(m: BlockMachine<A>, low: A, high: A, ...sizes: readonly number[]): A {
  const shaped = (a: A) => m.shaped(a, ...sizes);
  const exponents = m.masked(m.right(m.shaped(high, 1, ...sizes), 1, [2]), 63);
  const fraction = m.plus(shaped(m.numbers(low)), m.times(shaped(m.numbers(m.masked(high, 3))), 256));
  const lead = shaped(m.entries(halfLeads, m.masked(exponents, 31)));
  return m.times(m.plus(lead, fraction), shaped(m.entries(halfFactors, exponents)));
}

/** The number of half precision at a byte of every block, [blocks, 1]. */
export const halfAt = <A>(m: BlockMachine<A>, at: number): A =>
  halvesOf(m, m.bytes(at, at + 1), m.bytes(at + 1, at + 2), 1);

/** Bytes as numbers from -128 to 127. */
export function signedOf<A>(m: BlockMachine<A>, a: A, ...sizes: readonly number[]): A {
  const negative = m.numbers(m.right(m.shaped(a, 1, ...sizes), 1, [7]));
  return m.plus(m.shaped(m.numbers(a), ...sizes), m.times(m.shaped(negative, ...sizes), -256));
}

/** The lower halves of `count` bytes, then the upper ones, for every group: [blocks, 2 groups count]. */
export function nibbles<A>(m: BlockMachine<A>, bytes: A, groups: number, count: number): A {
  const halves = m.masked(m.right(m.shaped(bytes, groups, 1, count), 2, [0, 4]), 15);
  return m.shaped(halves, 2 * groups * count);
}

/** The eight bits of every byte, the lowest first: [blocks, 8 count]. */
export function bitsOf<A>(m: BlockMachine<A>, bytes: A, count: number): A {
  const bits = m.masked(m.right(m.shaped(bytes, count, 1), 2, [0, 1, 2, 3, 4, 5, 6, 7]), 1);
  return m.shaped(bits, 8 * count);
}
