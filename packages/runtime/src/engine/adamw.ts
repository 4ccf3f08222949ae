/** One step of AdamW. */
export interface AdamWStep {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Counted from 1. */
  readonly step: number;
  /** The gradient is multiplied by it first. */
  readonly scale: number;
}

/**
 * Decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2) on one tensor, in place: its mean and
 * uncentred variance of gradients move too. Computed in double, stored in fp32. In JavaScript because
 * ONNX Runtime would copy what it changes, which takes longer than changing it.
 */
export function adamW(
  tensor: Readonly<Record<'parameter' | 'gradient' | 'mean' | 'variance', Float32Array>>,
  weightDecay: number,
  { learningRate, beta1, beta2, epsilon, step, scale }: AdamWStep,
): void {
  const { parameter, gradient, mean, variance } = tensor;
  const kept = 1 - learningRate * weightDecay;
  const rate = learningRate / (1 - beta1 ** step);
  const correction = 1 / Math.sqrt(1 - beta2 ** step);
  for (let i = 0; i < parameter.length; i++) {
    const g = gradient[i]! * scale;
    const m = beta1 * mean[i]! + (1 - beta1) * g;
    const v = beta2 * variance[i]! + (1 - beta2) * g * g;
    mean[i] = m;
    variance[i] = v;
    parameter[i] = parameter[i]! * kept - (rate * m) / (Math.sqrt(v) * correction + epsilon);
  }
}

/** Adds numbers to others of the same length, in place. */
export function addTo(sum: Float32Array, more: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += more[i]!;
}

export function sumOfSquares(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return sum;
}
