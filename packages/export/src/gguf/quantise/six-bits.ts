import { putHalf } from './halves.js';
import { clamp, f32, nearest } from './rounding.js';

/** Elements of a block, and those that share a scale. */
const size = 256;
const groupSize = 16;
const groups = size / groupSize;

/** Numbers from -32 to 31. */
const half = 32;
/** Scales of groups below this count as zero. */
const least = f32(1e-15);

const scales = new Float32Array(groups);
const levels = new Uint8Array(size);

/** Blocks of the lower four bits, the upper two bits, 16 scales of eight bits, and a half that these are multiplied by. */
export function quantiseQ6K(values: Float32Array, target: Uint8Array): void {
  for (let begin = 0, at = 0; begin < values.length; begin += size, at += 210) {
    if (!putScales(values, begin, target, at)) {
      target.fill(0, at, at + 210);
      continue;
    }
    for (let part = 0; part < 2; part++) {
      const from = 128 * part;
      for (let i = 0; i < 32; i++) {
        const [a, b, c, d] = [0, 32, 64, 96].map((shift) => levels[from + i + shift]!) as [
          number,
          number,
          number,
          number,
        ];
        target[at + 64 * part + i] = (a & 15) | ((c & 15) << 4);
        target[at + 64 * part + i + 32] = (b & 15) | ((d & 15) << 4);
        target[at + 128 + 32 * part + i] = (a >> 4) | ((b >> 4) << 2) | ((c >> 4) << 4) | ((d >> 4) << 6);
      }
    }
  }
}

/** Finds scales, writes them, and leaves in `levels` what the elements become with them; false if all are zero. */
function putScales(x: Float32Array, begin: number, target: Uint8Array, at: number): boolean {
  let [most, farthest] = [0, 0];
  for (let group = 0; group < groups; group++) {
    const scale = searchScale(x, begin + groupSize * group, levels, groupSize * group);
    scales[group] = scale;
    if (Math.abs(scale) > most) {
      most = Math.abs(scale);
      farthest = scale;
    }
  }
  if (most < least) return false;
  const inverse = f32(-128 / farthest);
  const factor = putHalf(target, at + 208, f32(1 / inverse));
  for (let group = 0; group < groups; group++) {
    const level = Math.min(127, nearest(f32(inverse * scales[group]!)));
    target[at + 192 + group] = level;
    const step = f32(factor * ((level << 24) >> 24));
    if (step === 0) continue;
    for (let i = groupSize * group; i < groupSize * (group + 1); i++) {
      levels[i] = clamp(nearest(f32(x[begin + i]! / step)), -half, half - 1) + half;
    }
  }
  return true;
}

/**
 * The scale of 16 neighbours of the least square error, weighted by their squares, among those that rounding with several
 * scales suggests (`make_qx_quants` of ggml). What they become with it goes to `into`.
 */
function searchScale(x: Float32Array, begin: number, into: Uint8Array, at: number): number {
  let [most, farthest] = [0, 0];
  for (let i = begin; i < begin + groupSize; i++) {
    if (Math.abs(x[i]!) > most) {
      most = Math.abs(x[i]!);
      farthest = x[i]!;
    }
  }
  if (most < least) {
    into.fill(0, at, at + groupSize);
    return 0;
  }
  let chosen = f32(-half / farthest);
  let [sumXL, sumL2] = sums(x, begin, chosen);
  let scale = sumL2 === 0 ? 0 : f32(sumXL / sumL2);
  let best = f32(scale * sumXL);
  for (let turn = -9; turn <= 9; turn++) {
    if (turn === 0) continue;
    const inverse = f32(-f32(half + f32(f32(0.1) * turn)) / farthest);
    [sumXL, sumL2] = sums(x, begin, inverse);
    if (!(sumL2 > 0 && f32(sumXL * sumXL) > f32(best * sumL2))) continue;
    chosen = inverse;
    scale = f32(sumXL / sumL2);
    best = f32(scale * sumXL);
  }
  for (let i = 0; i < groupSize; i++) into[at + i] = levelOf(x[begin + i]!, chosen) + half;
  return scale;
}

const levelOf = (value: number, inverse: number): number =>
  clamp(nearest(f32(inverse * value)), -half, half - 1);

const pair: [number, number] = [0, 0];

/** Σ x² x l and Σ x² l² of the levels l that an inverse scale gives. */
function sums(x: Float32Array, begin: number, inverse: number): [number, number] {
  let [sumXL, sumL2] = [0, 0];
  for (let i = begin; i < begin + groupSize; i++) {
    const value = x[i]!;
    const level = levelOf(value, inverse);
    const weight = f32(value * value);
    sumXL = f32(sumXL + f32(f32(weight * value) * level));
    sumL2 = f32(sumL2 + f32(f32(weight * level) * level));
  }
  pair[0] = sumXL;
  pair[1] = sumL2;
  return pair;
}
