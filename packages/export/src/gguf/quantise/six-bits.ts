import { putHalf } from './halves.js';
import { importanceOfBlock } from './importance-weights.js';
import { clamp, f32, nearest } from './rounding.js';
import { leastScale, searchSymmetric, symmetricWeights, weighBySquares } from './symmetric-search.js';

/** Elements of a block, and those that share a scale. */
const size = 256;
const groupSize = 16;
const groups = size / groupSize;

/** Numbers from -32 to 31. */
const half = 32;

const scales = new Float32Array(groups);
const levels = new Uint8Array(size);

/** Blocks of the lower four bits, the upper two bits, 16 scales of eight bits, and a half that these are multiplied by. */
export function quantiseQ6K(values: Float32Array, target: Uint8Array, importance?: Float32Array): void {
  for (let begin = 0, at = 0; begin < values.length; begin += size, at += 210) {
    if (!putScales(values, begin, { target, at, importance })) {
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
function putScales(
  x: Float32Array,
  begin: number,
  {
    target,
    at,
    importance,
  }: { readonly target: Uint8Array; readonly at: number; readonly importance: Float32Array | undefined },
): boolean {
  const weights = importance && importanceOfBlock({ importance, begin, size });
  let [most, farthest] = [0, 0];
  for (let group = 0; group < groups; group++) {
    const from = groupSize * group;
    if (weights) symmetricWeights.set(weights.subarray(from, from + groupSize));
    else weighBySquares(x, begin + from, groupSize);
    const into = levels.subarray(from, from + groupSize);
    const scale = searchSymmetric(x, begin + from, half, into);
    scales[group] = scale;
    if (Math.abs(scale) > most) {
      most = Math.abs(scale);
      farthest = scale;
    }
  }
  if (most < leastScale) return false;
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
