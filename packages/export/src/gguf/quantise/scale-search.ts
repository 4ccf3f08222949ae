import { clamp, f32, nearest } from './rounding.js';

/** Elements that share a scale and a minimum. */
export const groupSize = 32;

/** How scales are searched: `first + step * i` is added to the number of levels, for i from 0 to `steps`. */
export interface ScaleSearch {
  /** The highest level. */
  readonly levels: number;
  readonly first: number;
  readonly step: number;
  readonly steps: number;
}

/** A group's scale, how far its minimum lies below zero, and the levels of its elements. */
export interface ScaledGroup {
  scale: number;
  minimum: number;
  readonly levels: Uint8Array;
}

/** How much the error of each of 32 neighbours counts in the search that comes next. */
export const groupWeights = new Float32Array(groupSize);
const levels = new Float32Array(groupSize);
/** What the elements lie above the minimum that fits best so far. */
const above = new Float32Array(groupSize);

/** Weights for a search where nothing is known of what the elements are multiplied with: the root of their mean square plus the size of each. */
export function weighBySize(x: Float32Array, begin: number): void {
  let squares = 0;
  for (let i = 0; i < groupSize; i++) {
    const value = x[begin + i]!;
    squares = f32(squares + f32(value * value));
  }
  const mean = f32(Math.sqrt(f32(squares / groupSize)));
  for (let i = 0; i < groupSize; i++) groupWeights[i] = f32(mean + Math.abs(x[begin + i]!));
}

/**
 * Scale and minimum of 32 neighbours: the pair of the least square error, weighted by `groupWeights`, among those that
 * rounding with several scales suggests, each fitted by least squares (`make_qkx2_quants` and `make_qkx3_quants` of ggml).
 */
export function searchScale(
  x: Float32Array,
  begin: number,
  { levels: most, first, step, steps }: ScaleSearch,
  found: ScaledGroup,
): void {
  const weights = groupWeights;
  let [min, max] = [x[begin]!, x[begin]!];
  let sumW = 0;
  let sumX = 0;
  for (let i = 0; i < groupSize; i++) {
    const value = x[begin + i]!;
    if (value < min) min = value;
    if (value > max) max = value;
    const weight = weights[i]!;
    sumW = f32(sumW + weight);
    sumX = f32(sumX + f32(weight * value));
  }
  if (min > 0) min = 0;
  found.scale = 0;
  found.minimum = -min;
  found.levels.fill(0);
  if (max === min) return;
  // The minimum that fits best so far is what the next scale is tried with.
  let low = min;
  let inverse = f32(most / f32(max - low));
  found.scale = f32(1 / inverse);
  for (let i = 0; i < groupSize; i++) {
    above[i] = f32(x[begin + i]! - low);
    levels[i] = clamp(nearest(f32(inverse * above[i]!)), 0, most);
  }
  found.levels.set(levels);
  let best = errorOf(x, begin, found.scale, low);
  for (let turn = 0; turn <= steps; turn++) {
    inverse = f32(f32(f32(first + f32(step * turn)) + most) / f32(max - low));
    let sumL = 0;
    let sumL2 = 0;
    let sumXL = 0;
    for (let i = 0; i < groupSize; i++) {
      const value = x[begin + i]!;
      const level = clamp(nearest(f32(inverse * above[i]!)), 0, most);
      levels[i] = level;
      const weighted = f32(weights[i]! * level);
      sumL = f32(sumL + weighted);
      sumL2 = f32(sumL2 + f32(weighted * level));
      sumXL = f32(sumXL + f32(weighted * value));
    }
    const determinant = f32(f32(sumW * sumL2) - f32(sumL * sumL));
    if (!(determinant > 0)) continue;
    let scale = f32(f32(f32(sumW * sumXL) - f32(sumX * sumL)) / determinant);
    let minimum = f32(f32(f32(sumL2 * sumX) - f32(sumL * sumXL)) / determinant);
    if (minimum > 0) {
      minimum = 0;
      scale = f32(sumXL / sumL2);
    }
    const error = errorOf(x, begin, scale, minimum);
    if (!(error < best)) continue;
    best = error;
    if (minimum !== low) {
      low = minimum;
      for (let i = 0; i < groupSize; i++) above[i] = f32(x[begin + i]! - low);
    }
    found.scale = scale;
    found.minimum = -minimum;
    found.levels.set(levels);
  }
}

/** The weighted square error of `levels` with a scale and a minimum. */
function errorOf(x: Float32Array, begin: number, scale: number, minimum: number): number {
  let error = 0;
  for (let i = 0; i < groupSize; i++) {
    const difference = f32(f32(f32(scale * levels[i]!) + minimum) - x[begin + i]!);
    error = f32(error + f32(groupWeights[i]! * f32(difference * difference)));
  }
  return error;
}
