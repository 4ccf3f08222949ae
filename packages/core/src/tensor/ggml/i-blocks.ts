import {
  type BlockFormat,
  type BlockMachine,
  type BlockTable,
  halfAt,
  halvesOf,
  nibbles,
  tableOf,
} from './block-machine.js';
import { iq1Points, iq2SPoints, iq2XsPoints, iq2XxsPoints, iq3SPoints, iq3XxsPoints } from './grids.js';
import { nonLinear } from './simple-blocks.js';

/** Blocks of 256 elements whose codes select points of a grid, as `block_iq2_xxs` and its neighbours in ggml-common.h. */

/** The signs that the bits of a byte stand for, the lowest first. */
const signsOf = (byte: number) => Array.from({ length: 8 }, (_, bit) => ((byte >> bit) & 1 ? -1 : 1));

const anySigns: BlockTable = {
  values: Array.from({ length: 256 }, (_, byte) => signsOf(byte)).flat(),
  width: 8,
};

/** Seven signs and an eighth that makes the number of negative ones even. */
const evenSigns: BlockTable = {
  values: Array.from({ length: 128 }, (_, bits) => {
    const odd = signsOf(bits).filter((sign) => sign < 0).length % 2;
    return signsOf(bits | (odd << 7));
  }).flat(),
  width: 8,
};

/** Some bits of a number of which two neighbouring bytes are given: from bit `at` of the lower one on. */
function straddling<A>(m: BlockMachine<A>, [low, high]: readonly [A, A], at: number, mask: number): A {
  const first = m.right(low, 2, [at]);
  return m.masked(m.or(first, m.left(high, 8 - at)), mask);
}

/** Eight groups of four bytes: four times seven bits that name signs, and four bits of scale. */
function signsAndScale<A>(m: BlockMachine<A>, words: A): { signs: A; scale: A } {
  const byte = (at: number) => m.part(words, 2, at, at + 1);
  const codes = [
    m.masked(byte(0), 127),
    straddling(m, [byte(0), byte(1)], 7, 127),
    straddling(m, [byte(1), byte(2)], 6, 127),
    straddling(m, [byte(2), byte(3)], 5, 127),
  ];
  const scale = m.numbers(m.right(byte(3), 2, [4]));
  return {
    signs: m.entries(evenSigns, m.joined(codes, 2)),
    scale: m.shaped(scale, 8, 1, 1),
  };
}

/** Pairs of four bits each, in the order of their bytes: [blocks, 2 count]. */
const halvesOfBytes = <A>(m: BlockMachine<A>, bytes: A, count: number): A =>
  m.shaped(m.masked(m.right(m.shaped(bytes, count, 1), 2, [0, 4]), 15), 2 * count);

const scaleOf = <A>(m: BlockMachine<A>, ...ones: number[]): A => m.shaped(halfAt(m, 0), 1, ...ones);

/** (scale * point) * sign */
const signed = <A>(m: BlockMachine<A>, factors: A, grid: A, signs: A): A =>
  m.shaped(m.times(m.times(factors, grid), signs), 256);

export const iq2_xxs: BlockFormat = (m) => {
  const words = m.shaped(m.bytes(2, 66), 8, 8);
  const { signs, scale } = signsAndScale(m, m.part(words, 2, 4, 8));
  const factors = m.times(m.times(scaleOf(m, 1, 1), m.plus(scale, 0.5)), 0.25);
  return signed(m, factors, m.entries(iq2XxsPoints(), m.part(words, 2, 0, 4)), signs);
};

export const iq2_xs: BlockFormat = (m) => {
  const words = m.shaped(m.bytes(2, 66), 32, 2);
  const [low, high] = [m.part(words, 2, 0, 1), m.part(words, 2, 1, 2)];
  const scales = m.numbers(halvesOfBytes(m, m.bytes(66, 74), 8));
  const factors = m.times(m.times(scaleOf(m, 1, 1), m.plus(m.shaped(scales, 16, 1, 1), 0.5)), 0.25);
  const signs = m.shaped(m.entries(evenSigns, m.right(high, 2, [1])), 16, 2, 8);
  const grid = m.shaped(m.entries(iq2XsPoints(), low, m.masked(high, 1)), 16, 2, 8);
  return signed(m, factors, grid, signs);
};

export const iq2_s: BlockFormat = (m) => {
  const scales = m.numbers(halvesOfBytes(m, m.bytes(74, 82), 8));
  const factors = m.times(m.times(scaleOf(m, 1, 1), m.plus(m.shaped(scales, 16, 1, 1), 0.5)), 0.25);
  const signs = m.shaped(m.entries(anySigns, m.bytes(34, 66)), 16, 2, 8);
  const high = m.masked(m.right(m.shaped(m.bytes(66, 74), 8, 1), 2, [0, 2, 4, 6]), 3);
  const grid = m.shaped(m.entries(iq2SPoints(), m.bytes(2, 34), m.shaped(high, 32)), 16, 2, 8);
  return signed(m, factors, grid, signs);
};

export const iq3_xxs: BlockFormat = (m) => {
  const { signs, scale } = signsAndScale(m, m.shaped(m.bytes(66, 98), 8, 4));
  const factors = m.times(m.times(scaleOf(m, 1, 1), m.plus(scale, 0.5)), 0.5);
  const grid = m.shaped(m.entries(iq3XxsPoints(), m.bytes(2, 66)), 8, 4, 8);
  return signed(m, factors, grid, signs);
};

export const iq3_s: BlockFormat = (m) => {
  const scales = m.numbers(halvesOfBytes(m, m.bytes(106, 110), 4));
  const factors = m.times(scaleOf(m, 1, 1), m.shaped(m.plus(m.times(scales, 2), 1), 8, 1, 1));
  const signs = m.shaped(m.entries(anySigns, m.bytes(74, 106)), 8, 4, 8);
  const high = m.masked(m.right(m.shaped(m.bytes(66, 74), 8, 1), 2, [0, 1, 2, 3, 4, 5, 6, 7]), 1);
  const grid = m.shaped(m.entries(iq3SPoints(), m.bytes(2, 66), m.shaped(high, 64)), 8, 4, 8);
  return signed(m, factors, grid, signs);
};

/** Four times three bits of numbers of sixteen, whose bytes are [blocks, count, 1]: [blocks, count, 4]. */
const triples = <A>(m: BlockMachine<A>, low: A, high: A): A =>
  m.joined(
    [
      m.masked(low, 7),
      m.masked(m.right(low, 2, [3]), 7),
      straddling(m, [low, high], 6, 7),
      m.masked(m.right(high, 2, [1]), 7),
    ],
    2,
  );

/** An eighth, which is added to all coordinates of a point or taken away. */
const shifts = tableOf([0.125, -0.125]);

export const iq1_s: BlockFormat = (m) => {
  const words = m.shaped(m.bytes(34, 50), 8, 2);
  const [low, high] = [m.part(words, 2, 0, 1), m.part(words, 2, 1, 2)];
  const scales = m.numbers(m.masked(m.right(high, 2, [4]), 7));
  const factors = m.times(scaleOf(m, 1), m.plus(m.times(scales, 2), 1));
  const shift = m.shaped(m.entries(shifts, m.right(high, 2, [7])), 8, 1, 1);
  const index = m.shaped(m.bytes(2, 34), 8, 4);
  const grid = m.entries(iq1Points(), index, triples(m, low, high));
  return m.shaped(m.times(m.shaped(factors, 8, 1, 1), m.plus(grid, shift)), 256);
};

export const iq1_m: BlockFormat = (m) => {
  const words = m.shaped(m.bytes(48, 56), 4, 2);
  const [low, high] = [m.part(words, 2, 0, 1), m.part(words, 2, 1, 2)];
  // The scale of the block lies in the upper four bits of four numbers.
  const upper = m.right(high, 2, [4]);
  const four = (at: number) => m.shaped(m.part(upper, 1, at, at + 1), 1);
  const two = (at: number) => m.or(four(at), m.left(four(at + 1), 4));
  const scale = m.shaped(halvesOf(m, two(0), two(2), 1), 1, 1);
  const scales = m.shaped(m.numbers(triples(m, low, high)), 16, 1);
  const factors = m.times(scale, m.plus(m.times(scales, 2), 1));
  const nibble = m.masked(m.right(m.shaped(m.bytes(32, 48), 16, 1), 2, [0, 4]), 15);
  const shift = m.entries(shifts, m.shaped(m.right(m.shaped(nibble, 1, 32), 1, [3]), 32));
  const grid = m.entries(iq1Points(), m.bytes(0, 32), m.shaped(m.masked(nibble, 7), 32));
  const moved = m.shaped(m.plus(grid, m.shaped(shift, 32, 1)), 16, 16);
  return m.shaped(m.times(factors, moved), 256);
};

export const iq4_xs: BlockFormat = (m) => {
  const high = m.masked(m.right(m.shaped(m.bytes(2, 4), 2, 1), 2, [0, 2, 4, 6]), 3);
  const scales = m.or(halvesOfBytes(m, m.bytes(4, 8), 4), m.left(m.shaped(high, 8), 4));
  const factors = m.times(halfAt(m, 0), m.plus(m.numbers(scales), -32));
  const codes = nibbles(m, m.bytes(8, 136), 8, 16);
  const values = m.shaped(m.entries(nonLinear, codes), 8, 32);
  return m.shaped(m.times(m.shaped(factors, 8, 1), values), 256);
};
