import { putHalf } from './halves.js';
import { clamp, f32, nearest } from './rounding.js';
import { groupSize, type ScaledGroup, type ScaleSearch, searchScale } from './scale-search.js';

/** Elements of a block, in eight groups. */
const size = 256;
const groups = size / groupSize;

const levels = new Uint8Array(size);
const found: ScaledGroup[] = Array.from({ length: groups }, (_, group) => ({
  scale: 0,
  minimum: 0,
  levels: levels.subarray(groupSize * group, groupSize * (group + 1)),
}));

const fourBits: ScaleSearch = { levels: 15, first: -1, step: f32(0.1), steps: 20 };
const fiveBits: ScaleSearch = { levels: 31, first: -0.5, step: f32(0.1), steps: 15 };

/** Blocks of two halves, 12 bytes with scales and minima of six bits, and 256 numbers of four bits. */
export function quantiseQ4K(values: Float32Array, target: Uint8Array): void {
  for (let begin = 0, at = 0; begin < values.length; begin += size, at += 144) {
    putScales(values, begin, { target, at, search: fourBits });
    for (let pair = 0; pair < groups / 2; pair++) {
      for (let i = 0; i < groupSize; i++) {
        const first = 2 * groupSize * pair + i;
        target[at + 16 + groupSize * pair + i] = levels[first]! | (levels[first + groupSize]! << 4);
      }
    }
  }
}

/** The same with numbers of five bits, whose fifth bits are in 32 bytes before the others. */
export function quantiseQ5K(values: Float32Array, target: Uint8Array): void {
  for (let begin = 0, at = 0; begin < values.length; begin += size, at += 176) {
    putScales(values, begin, { target, at, search: fiveBits });
    for (let i = 0; i < groupSize; i++) {
      let fifth = 0;
      for (let group = 0; group < groups; group++) fifth |= (levels[groupSize * group + i]! >> 4) << group;
      target[at + 16 + i] = fifth;
    }
    for (let pair = 0; pair < groups / 2; pair++) {
      for (let i = 0; i < groupSize; i++) {
        const first = 2 * groupSize * pair + i;
        const [low, high] = [levels[first]! & 15, levels[first + groupSize]! & 15];
        target[at + 48 + groupSize * pair + i] = low | (high << 4);
      }
    }
  }
}

/** Finds scales, writes them, and leaves in `levels` what the elements become with the scales as written. */
function putScales(
  x: Float32Array,
  begin: number,
  { target, at, search }: { target: Uint8Array; at: number; search: ScaleSearch },
): void {
  let [mostScale, mostMinimum] = [0, 0];
  for (const [group, own] of found.entries()) {
    searchScale(x, begin + groupSize * group, search, own);
    if (own.scale > mostScale) mostScale = own.scale;
    if (own.minimum > mostMinimum) mostMinimum = own.minimum;
  }
  const scale = putHalf(target, at, f32(mostScale / 63));
  const minimum = putHalf(target, at + 2, f32(mostMinimum / 63));
  const byScale = mostScale > 0 ? f32(63 / mostScale) : 0;
  const byMinimum = mostMinimum > 0 ? f32(63 / mostMinimum) : 0;
  for (const [group, own] of found.entries()) {
    // As bytes, which a minimum above zero wraps into.
    const scaleLevel = Math.min(63, nearest(f32(byScale * own.scale)) & 255);
    const minimumLevel = Math.min(63, nearest(f32(byMinimum * own.minimum)) & 255);
    putSixBits(target.subarray(at + 4, at + 16), group, [scaleLevel, minimumLevel]);
    const step = f32(scale * scaleLevel);
    if (step === 0) continue;
    const shift = f32(minimum * minimumLevel);
    for (let i = groupSize * group; i < groupSize * (group + 1); i++) {
      levels[i] = clamp(nearest(f32(f32(x[begin + i]! + shift) / step)), 0, search.levels);
    }
  }
}

/** The first four groups take the lower bits of a byte each; of the others the upper two bits go above those. */
function putSixBits(
  target: Uint8Array,
  group: number,
  [scale, minimum]: readonly [scale: number, minimum: number],
): void {
  if (group < 4) {
    target[group] = scale;
    target[group + 4] = minimum;
    return;
  }
  target[group + 4] = (scale & 15) | ((minimum & 15) << 4);
  target[group - 4]! |= (scale >> 4) << 6;
  target[group]! |= (minimum >> 4) << 6;
}
