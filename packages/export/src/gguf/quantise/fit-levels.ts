import { f32, nearest } from './rounding.js';

/** What is below this counts as zero. */
const least = f32(1e-15);

/**
 * A factor and whole numbers up to `most` whose products come close to numbers that are not negative, by weighted square
 * errors: the best of nine factors, then one number after the other is changed where that is better (`make_qp_quants` of
 * ggml). Returns the factor; the numbers go to `into`.
 */
export function fitLevels(x: Float32Array, weights: Float32Array, most: number, into: Uint8Array): number {
  const largest = Math.max(0, ...x);
  if (largest < least) {
    into.fill(0);
    return 0;
  }
  let inverse = f32(most / largest);
  let error = errorOf(x, weights, inverse, Number.POSITIVE_INFINITY);
  for (let turn = -4; turn <= 4; turn++) {
    if (turn === 0) continue;
    const other = f32(f32(f32(f32(0.1) * turn) + most) / largest);
    const own = errorOf(x, weights, other, most);
    if (!(own < error)) continue;
    error = own;
    inverse = other;
  }
  let [sumXL, sumL2] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    into[i] = Math.min(most, nearest(f32(inverse * x[i]!)));
    sumXL = f32(sumXL + productOf(weights[i]!, x[i]!, into[i]!));
    sumL2 = f32(sumL2 + productOf(weights[i]!, into[i]!, into[i]!));
  }
  const sums = { sumXL, sumL2 };
  for (let turn = 0; turn < 5 && improve(x, weights, { most, into, sums }); turn++);
  return sums.sumL2 > 0 ? f32(sums.sumXL / sums.sumL2) : 0;
}

const productOf = (weight: number, a: number, b: number): number => f32(f32(weight * a) * b);

function errorOf(x: Float32Array, weights: Float32Array, inverse: number, most: number): number {
  const scale = f32(1 / inverse);
  let error = 0;
  for (let i = 0; i < x.length; i++) {
    const level = Math.min(most, nearest(f32(inverse * x[i]!)));
    const difference = f32(x[i]! - f32(scale * level));
    error = f32(error + productOf(weights[i]!, difference, difference));
  }
  return error;
}

interface Fit {
  readonly most: number;
  readonly into: Uint8Array;
  /** Σ w x l and Σ w l² of the numbers l. */
  readonly sums: { sumXL: number; sumL2: number };
}

/** Whether any number was changed. */
function improve(x: Float32Array, weights: Float32Array, { most, into, sums }: Fit): boolean {
  let hasChanged = false;
  for (let i = 0; i < x.length; i++) {
    const [weight, value, level] = [weights[i]!, x[i]!, into[i]!];
    let sumXL = f32(sums.sumXL - productOf(weight, value, level));
    let sumL2 = f32(sums.sumL2 - productOf(weight, level, level));
    if (!(sumXL > 0 && sumL2 > 0)) continue;
    const other = Math.min(most, nearest(f32(f32(value * sumL2) / sumXL)));
    if (other === level) continue;
    sumXL = f32(sumXL + productOf(weight, value, other));
    sumL2 = f32(sumL2 + productOf(weight, other, other));
    if (!(productOf(sumXL, sumXL, sums.sumL2) > productOf(sums.sumXL, sums.sumXL, sumL2))) continue;
    into[i] = other;
    sums.sumXL = sumXL;
    sums.sumL2 = sumL2;
    hasChanged = true;
  }
  return hasChanged;
}
