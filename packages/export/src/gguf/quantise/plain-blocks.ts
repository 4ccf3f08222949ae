import { putHalf } from './halves.js';
import { clamp, f32, roundAway } from './rounding.js';
import { searchSymmetric, symmetricWeights } from './symmetric-search.js';

/** Elements of a block. */
const size = 32;

/** The element of a block that is farthest from zero, the first of several. */
function farthest(values: Float32Array, begin: number): number {
  let found = 0;
  let most = 0;
  for (let i = begin; i < begin + size; i++) {
    const own = Math.abs(values[i]!);
    if (own > most) {
      most = own;
      found = values[i]!;
    }
  }
  return found;
}

/** Blocks of a half, the scale, and 32 whole numbers from -127 to 127. */
export function quantiseQ80(values: Float32Array, target: Uint8Array): void {
  for (let begin = 0, at = 0; begin < values.length; begin += size, at += 34) {
    const scale = f32(Math.abs(farthest(values, begin)) / 127);
    const inverse = scale === 0 ? 0 : f32(1 / scale);
    putHalf(target, at, scale);
    for (let i = 0; i < size; i++) target[at + 2 + i] = roundAway(f32(values[begin + i]! * inverse));
  }
}

/** Blocks of a half, the scale, and 32 whole numbers from 0 to 15, which are 8 more than what the scale is multiplied by. */
export function quantiseQ40(values: Float32Array, target: Uint8Array, importance?: Float32Array): void {
  if (importance) {
    weightedBlocks(values, importance, 8, (block, scale, levels) => {
      const at = 18 * block;
      putHalf(target, at, scale);
      for (let i = 0; i < size / 2; i++) target[at + 2 + i] = levels[i]! | (levels[i + size / 2]! << 4);
    });
    return;
  }
  for (let begin = 0, at = 0; begin < values.length; begin += size, at += 18) {
    const inverse = putScale(values, begin, { target, at, steps: 8 });
    for (let i = 0; i < size / 2; i++) {
      const low = level(values[begin + i]! * inverse, 8);
      const high = level(values[begin + i + size / 2]! * inverse, 8);
      target[at + 2 + i] = low | (high << 4);
    }
  }
}

/** The same with numbers from 0 to 31, whose fifth bits are four bytes behind the scale. */
export function quantiseQ50(values: Float32Array, target: Uint8Array, importance?: Float32Array): void {
  if (importance) {
    weightedBlocks(values, importance, 16, (block, scale, levels) => {
      putHalf(target, 22 * block, scale);
      putFiveBits(target, 22 * block, levels);
    });
    return;
  }
  const levels = new Uint8Array(size);
  for (let begin = 0, at = 0; begin < values.length; begin += size, at += 22) {
    const inverse = putScale(values, begin, { target, at, steps: 16 });
    for (let i = 0; i < size; i++) levels[i] = level(values[begin + i]! * inverse, 16);
    putFiveBits(target, at, levels);
  }
}

function putFiveBits(target: Uint8Array, at: number, levels: Uint8Array): void {
  let fifth = 0;
  for (let i = 0; i < size / 2; i++) {
    const [low, high] = [levels[i]!, levels[i + size / 2]!];
    target[at + 6 + i] = (low & 15) | ((high & 15) << 4);
    fifth |= ((low >> 4) << i) | ((high >> 4) << (i + size / 2));
  }
  for (let i = 0; i < 4; i++) target[at + 2 + i] = fifth >>> (8 * i);
}

/**
 * Blocks with the scale that is best by the importance of each column times the size of its element, to which the mean of
 * the whole row is added so that small elements count, too.
 */
function weightedBlocks(
  values: Float32Array,
  importance: Float32Array,
  half: number,
  put: (block: number, scale: number, levels: Uint8Array) => void,
): void {
  const width = importance.length;
  const levels = new Uint8Array(size);
  for (let row = 0; row < values.length; row += width) {
    let squares = 0;
    for (let i = row; i < row + width; i++) squares = f32(squares + f32(values[i]! * values[i]!));
    const mean = f32(squares / width);
    for (let column = 0; column < width; column += size) {
      for (let i = 0; i < size; i++) {
        const value = values[row + column + i]!;
        const root = f32(Math.sqrt(f32(mean + f32(value * value))));
        symmetricWeights[i] = f32(importance[column + i]! * root);
      }
      const scale = searchSymmetric(values, row + column, half, levels);
      put((row + column) / size, scale, levels);
    }
  }
}

/** Writes the scale of a block whose farthest element becomes `-steps`, and returns the inverse of it as it was before rounding. */
function putScale(
  values: Float32Array,
  begin: number,
  { target, at, steps }: { target: Uint8Array; at: number; steps: number },
): number {
  const scale = f32(farthest(values, begin) / -steps);
  putHalf(target, at, scale);
  return scale === 0 ? 0 : f32(1 / scale);
}

const level = (product: number, steps: number): number =>
  clamp(Math.trunc(f32(f32(product) + (steps + 0.5))), 0, 2 * steps - 1);
