import type { GatedActivation, PlainActivation } from '@moepress/core';

/** x / sqrt(mean(x²) + epsilon) times `weight`, of `width` numbers from `at` on, in place or into another vector. */
export function rmsNorm(
  x: Float32Array,
  weight: Float32Array | null,
  { at = 0, width = x.length, epsilon, into = x }: NormPlace,
): void {
  let squares = 0;
  for (let i = at; i < at + width; i++) squares += x[i]! * x[i]!;
  const factor = 1 / Math.sqrt(squares / width + epsilon);
  if (!weight) for (let i = 0; i < width; i++) into[at + i] = x[at + i]! * factor;
  else for (let i = 0; i < width; i++) into[at + i] = x[at + i]! * factor * weight[i]!;
}

interface NormPlace {
  readonly at?: number;
  readonly width?: number;
  readonly epsilon: number;
  readonly into?: Float32Array;
}

export function subtractMean(x: Float32Array): void {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]!;
  const mean = sum / x.length;
  for (let i = 0; i < x.length; i++) x[i]! -= mean;
}

/** Rotates the first `2 * cos.length` numbers from `at` on by pairs that stand half of them apart or side by side. */
export function rotate(
  x: Float32Array,
  at: number,
  { cos, sin }: { readonly cos: Float32Array; readonly sin: Float32Array },
  pairing: 'halves' | 'neighbours',
): void {
  const half = cos.length;
  const [step, apart] = pairing === 'halves' ? [1, half] : [2, 1];
  for (let i = 0; i < half; i++) {
    const [first, second] = [at + step * i, at + step * i + apart];
    const [a, b] = [x[first]!, x[second]!];
    x[first] = a * cos[i]! - b * sin[i]!;
    x[second] = b * cos[i]! + a * sin[i]!;
  }
}

/**
 * The softmax of `scores` in place. With a `sink`, a further logit takes its share of it. Returns nothing of what the
 * sink has taken.
 */
export function softmax(scores: Float32Array, sink: number | null = null): void {
  let largest = sink ?? Number.NEGATIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) if (!(scores[i]! <= largest)) largest = scores[i]!;
  let sum = sink === null ? 0 : Math.exp(sink - largest);
  for (let i = 0; i < scores.length; i++) {
    const power = Math.exp(scores[i]! - largest);
    scores[i] = power;
    sum += power;
  }
  const share = 1 / sum;
  for (let i = 0; i < scores.length; i++) scores[i]! *= share;
}

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** 2 / sqrt(π) exp(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (1 · 3 · .. (2n + 1)) (Abramowitz and Stegun, 7.1.6); 1 where fp32 has nothing below. */
function erf(x: number): number {
  if (Math.abs(x) > 4.5) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const gelus = {
  none: (x: number) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  tanh: (x: number) => x * sigmoid(2 * Math.sqrt(2 / Math.PI) * x * (1 + 0.044715 * x * x)),
  sigmoid: (x: number) => x * sigmoid(1.702 * x),
};

/** What up is multiplied by, of the gate. */
function functionOf(activation: PlainActivation): (gate: number) => number {
  switch (activation.kind) {
    case 'swiglu':
      return (x) => x * sigmoid(x);
    case 'geglu':
      return gelus[activation.approximate];
    case 'reglu':
      return activation.power === 2 ? (x) => (x > 0 ? x * x : 0) : (x) => Math.max(x, 0);
  }
}

/** The activation of gate and up, or of up alone where there is no gate, into `into`; see `GatedActivation`. */
export function activate(
  activation: GatedActivation,
  gate: Float32Array | null,
  up: Float32Array,
  into: Float32Array,
): void {
  if (activation.kind === 'clamped-swiglu') {
    const { alpha, limit } = activation;
    for (let i = 0; i < up.length; i++) {
      const limited = Math.min(gate![i]!, limit);
      into[i] = (Math.min(Math.max(up[i]!, -limit), limit) + 1) * limited * sigmoid(alpha * limited);
    }
  } else if (activation.kind === 'swiglu' && gate) {
    // Most models have it, and a call for each number would cost more than the number.
    for (let i = 0; i < up.length; i++) into[i] = (gate[i]! / (1 + Math.exp(-gate[i]!))) * up[i]!;
  } else {
    const of = functionOf(activation);
    for (let i = 0; i < up.length; i++) into[i] = gate ? of(gate[i]!) * up[i]! : of(up[i]!);
  }
}

/** a + factor b, in place of a. */
export function addScaled(a: Float32Array, b: Float32Array, factor = 1): void {
  for (let i = 0; i < a.length; i++) a[i]! += factor * b[i]!;
}
