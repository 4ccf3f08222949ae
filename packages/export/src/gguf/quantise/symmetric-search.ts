import { clamp, f32, nearest } from './rounding.js';

/** Elements and scales below this count as zero. */
export const leastScale = f32(1e-15);

/** How much the error of each neighbour counts in the search that comes next; at most 32 of them. */
export const symmetricWeights = new Float32Array(32);

/** Weights where nothing is known of what the elements are multiplied with: their squares. */
export function weighBySquares(x: Float32Array, begin: number, count: number): void {
  for (let i = 0; i < count; i++) symmetricWeights[i] = f32(x[begin + i]! * x[begin + i]!);
}

/**
 * The scale of neighbours, as many as `into` has places, of the least square error, weighted by `symmetricWeights`, among
 * those that rounding to whole numbers from `-half` to `half - 1` with several scales suggests (`make_qx_quants` of ggml). What they
 * become with it, plus `half`, goes to `into`.
 */
export function searchSymmetric(x: Float32Array, begin: number, half: number, into: Uint8Array): number {
  let [most, farthest] = [0, 0];
  for (let i = begin; i < begin + into.length; i++) {
    if (Math.abs(x[i]!) > most) {
      most = Math.abs(x[i]!);
      farthest = x[i]!;
    }
  }
  if (most < leastScale) {
    into.fill(0);
    return 0;
  }
  const sums = (inverse: number) => addUp(x, begin, { inverse, half, count: into.length });
  let chosen = f32(-half / farthest);
  sums(chosen);
  let scale = total.sumL2 === 0 ? 0 : f32(total.sumXL / total.sumL2);
  let best = f32(scale * total.sumXL);
  for (let turn = -9; turn <= 9; turn++) {
    if (turn === 0) continue;
    const inverse = f32(-f32(half + f32(f32(0.1) * turn)) / farthest);
    sums(inverse);
    const { sumXL, sumL2 } = total;
    if (!(sumL2 > 0 && f32(sumXL * sumXL) > f32(best * sumL2))) continue;
    chosen = inverse;
    scale = f32(sumXL / sumL2);
    best = f32(scale * sumXL);
  }
  for (let i = 0; i < into.length; i++) into[i] = levelOf(x[begin + i]!, chosen, half) + half;
  return scale;
}

const levelOf = (value: number, inverse: number, half: number): number =>
  clamp(nearest(f32(inverse * value)), -half, half - 1);

/** Σ w x l and Σ w l² of the levels l that an inverse scale gives. */
const total = { sumXL: 0, sumL2: 0 };

function addUp(
  x: Float32Array,
  begin: number,
  { inverse, half, count }: { readonly inverse: number; readonly half: number; readonly count: number },
): void {
  let [sumXL, sumL2] = [0, 0];
  for (let i = 0; i < count; i++) {
    const value = x[begin + i]!;
    const level = levelOf(value, inverse, half);
    const weight = symmetricWeights[i]!;
    sumXL = f32(sumXL + f32(f32(weight * value) * level));
    sumL2 = f32(sumL2 + f32(f32(weight * level) * level));
  }
  total.sumXL = sumXL;
  total.sumL2 = sumL2;
}
