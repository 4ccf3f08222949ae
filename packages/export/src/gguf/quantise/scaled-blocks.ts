import { fitLevels } from './fit-levels.js';
import { putHalf } from './halves.js';
import { importanceOfBlock } from './importance-weights.js';
import { clamp, f32, nearest } from './rounding.js';
import {
  groupSize,
  groupWeights,
  type ScaledGroup,
  type ScaleSearch,
  searchScale,
  weighBySize,
} from './scale-search.js';

/** Elements of a block, in eight groups. */
const size = 256;
const groups = size / groupSize;

const levels = new Uint8Array(size);
const found: ScaledGroup[] = Array.from({ length: groups }, (_, group) => ({
  scale: 0,
  minimum: 0,
  levels: levels.subarray(groupSize * group, groupSize * (group + 1)),
}));

/** How scales are searched where the importance of columns is not known, and where it is. */
interface Searches {
  readonly plain: ScaleSearch;
  readonly weighted: ScaleSearch;
}

const weighted = (levels: number): ScaleSearch => ({ levels, first: f32(-0.9), step: f32(0.05), steps: 36 });
const fourBits: Searches = {
  plain: { levels: 15, first: -1, step: f32(0.1), steps: 20 },
  weighted: weighted(15),
};
const fiveBits: Searches = {
  plain: { levels: 31, first: -0.5, step: f32(0.1), steps: 15 },
  weighted: weighted(31),
};

/** Blocks of two halves, 12 bytes with scales and minima of six bits, and 256 numbers of four bits. */
export function quantiseQ4K(values: Float32Array, target: Uint8Array, importance?: Float32Array): void {
  for (let begin = 0, at = 0; begin < values.length; begin += size, at += 144) {
    putScales(values, begin, { target, at, searches: fourBits, importance });
    for (let pair = 0; pair < groups / 2; pair++) {
      for (let i = 0; i < groupSize; i++) {
        const first = 2 * groupSize * pair + i;
        target[at + 16 + groupSize * pair + i] = levels[first]! | (levels[first + groupSize]! << 4);
      }
    }
  }
}

/** The same with numbers of five bits, whose fifth bits are in 32 bytes before the others. */
export function quantiseQ5K(values: Float32Array, target: Uint8Array, importance?: Float32Array): void {
  for (let begin = 0, at = 0; begin < values.length; begin += size, at += 176) {
    putScales(values, begin, { target, at, searches: fiveBits, importance });
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

interface BlockTarget {
  readonly target: Uint8Array;
  readonly at: number;
  readonly searches: Searches;
  readonly importance: Float32Array | undefined;
}

/** Six-bit levels of the scales and of the minima of the groups. */
const [scaleLevels, minimumLevels] = [new Uint8Array(groups), new Uint8Array(groups)];

/** Finds scales, writes them, and leaves in `levels` what the elements become with the scales as written. */
function putScales(x: Float32Array, begin: number, { target, at, searches, importance }: BlockTarget): void {
  const [mostScale, mostMinimum] = importance
    ? weightedScales(x, begin, searches.weighted, importance)
    : plainScales(x, begin, searches.plain);
  const scale = putHalf(target, at, mostScale);
  const minimum = putHalf(target, at + 2, mostMinimum);
  for (let group = 0; group < groups; group++) {
    const [scaleLevel, minimumLevel] = [scaleLevels[group]!, minimumLevels[group]!];
    putSixBits(target.subarray(at + 4, at + 16), group, [scaleLevel, minimumLevel]);
    const step = f32(scale * scaleLevel);
    if (step === 0) continue;
    const shift = f32(minimum * minimumLevel);
    for (let i = groupSize * group; i < groupSize * (group + 1); i++) {
      levels[i] = clamp(nearest(f32(f32(x[begin + i]! + shift) / step)), 0, searches.plain.levels);
    }
  }
}

/** What the levels of scales and of minima are multiplied by: the largest of each gets the highest level. */
function plainScales(x: Float32Array, begin: number, search: ScaleSearch): [number, number] {
  let [mostScale, mostMinimum] = [0, 0];
  for (const [group, own] of found.entries()) {
    weighBySize(x, begin + groupSize * group);
    searchScale(x, begin + groupSize * group, search, own);
    if (own.scale > mostScale) mostScale = own.scale;
    if (own.minimum > mostMinimum) mostMinimum = own.minimum;
  }
  const byScale = mostScale > 0 ? f32(63 / mostScale) : 0;
  const byMinimum = mostMinimum > 0 ? f32(63 / mostMinimum) : 0;
  for (const [group, own] of found.entries()) {
    // As bytes, which a minimum above zero wraps into.
    scaleLevels[group] = Math.min(63, nearest(f32(byScale * own.scale)) & 255);
    minimumLevels[group] = Math.min(63, nearest(f32(byMinimum * own.minimum)) & 255);
  }
  return [f32(mostScale / 63), f32(mostMinimum / 63)];
}

const [foundScales, foundMinima] = [new Float32Array(groups), new Float32Array(groups)];
/** How much each group counts. */
const sums = new Float32Array(groups);

/** The same where columns have weights: levels are fitted by them, too. */
function weightedScales(
  x: Float32Array,
  begin: number,
  search: ScaleSearch,
  importance: Float32Array,
): [number, number] {
  const own = importanceOfBlock({ importance, begin, size });
  let squares = 0;
  for (let i = 0; i < size; i++) squares = f32(squares + f32(x[begin + i]! * x[begin + i]!));
  const mean = f32(f32(2 * squares) / size);
  for (const [group, part] of found.entries()) {
    const from = groupSize * group;
    let sum = 0;
    for (let i = 0; i < groupSize; i++) {
      const value = x[begin + from + i]!;
      const weight = f32(own[from + i]! * f32(Math.sqrt(f32(mean + f32(value * value)))));
      groupWeights[i] = weight;
      sum = f32(sum + weight);
    }
    sums[group] = sum;
    searchScale(x, begin + from, search, part);
    foundScales[group] = part.scale;
    foundMinima[group] = part.minimum;
  }
  return [fitLevels(foundScales, sums, 63, scaleLevels), fitLevels(foundMinima, sums, 63, minimumLevels)];
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
