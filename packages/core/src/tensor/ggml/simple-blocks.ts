import {
  type BlockFormat,
  type BlockMachine,
  bitsOf,
  halfAt,
  nibbles,
  signedOf,
  tableOf,
} from './block-machine.js';

/** Blocks of 32 elements with one scale, as `block_q4_0` and its neighbours in ggml-common.h of llama.cpp lay them out. */

const scaled = <A>(m: BlockMachine<A>, codes: A, off: number): A =>
  m.times(halfAt(m, 0), off === 0 ? m.numbers(codes) : m.plus(m.numbers(codes), -off));

const shifted = <A>(m: BlockMachine<A>, codes: A): A =>
  m.plus(m.times(halfAt(m, 0), m.numbers(codes)), halfAt(m, 2));

/** Codes of five bits: the fifth of each stands apart, in four bytes. */
const fiveBits = <A>(m: BlockMachine<A>, at: number): A =>
  m.or(nibbles(m, m.bytes(at + 4, at + 20), 1, 16), m.left(bitsOf(m, m.bytes(at, at + 4), 4), 4));

export const q4_0: BlockFormat = (m) => scaled(m, nibbles(m, m.bytes(2, 18), 1, 16), 8);
export const q4_1: BlockFormat = (m) => shifted(m, nibbles(m, m.bytes(4, 20), 1, 16));
export const q5_0: BlockFormat = (m) => scaled(m, fiveBits(m, 2), 16);
export const q5_1: BlockFormat = (m) => shifted(m, fiveBits(m, 4));
export const q8_0: BlockFormat = (m) => m.times(signedOf(m, m.bytes(2, 34), 32), halfAt(m, 0));

/** The sixteen levels of the non-linear formats. */
export const nonLinear = tableOf([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]);

export const iq4_nl: BlockFormat = (m) =>
  m.times(halfAt(m, 0), m.shaped(m.entries(nonLinear, nibbles(m, m.bytes(2, 18), 1, 16)), 32));

/** E2M1, doubled: the scales beside them are halved. */
const e2m1Doubled = tableOf([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]);

const halfPowers = tableOf(Array.from({ length: 256 }, (_, exponent) => 2 ** (exponent - 128)));

/** OCP Microscaling Formats 1.0: a scale that is a power of two. */
export const mxfp4: BlockFormat = (m) =>
  m.times(
    m.shaped(m.entries(halfPowers, m.bytes(0, 1)), 1),
    m.shaped(m.entries(e2m1Doubled, nibbles(m, m.bytes(1, 17), 1, 16)), 32),
  );

/** Halves of the numbers that E4M3 without a sign has; 127 is no number and counts as 0. */
const e4m3Halves = tableOf(
  Array.from({ length: 256 }, (_, code) => {
    const [exponent, fraction] = [(code >> 3) & 15, code & 7];
    if (code === 127) return 0;
    return exponent === 0 ? fraction * 2 ** -10 : (8 + fraction) * 2 ** (exponent - 11);
  }),
);

/** Four scales, each for 16 elements. */
export const nvfp4: BlockFormat = (m) => {
  const scales = m.shaped(m.entries(e4m3Halves, m.bytes(0, 4)), 4, 1);
  const values = m.shaped(m.entries(e2m1Doubled, nibbles(m, m.bytes(4, 36), 4, 8)), 4, 16);
  return m.shaped(m.times(scales, values), 64);
};
