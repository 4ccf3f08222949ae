import type { QueryScaling, Rope, RopeScaling } from '@moepress/core';

/** Numbers are rounded to fp32 wherever transformers rounds them, because at long positions that shows. */
const { fround } = Math;

/**
 * Cosine and sine of the rotary angles of the given positions, [T, dim / 2] each. `lengths` [T] are
 * those of the sequences the tokens stand in.
 */
export function rotaryTables(
  rope: Rope,
  positions: Int32Array,
  lengths: ArrayLike<number>,
): { cos: Float32Array; sin: Float32Array } {
  const half = rope.dim / 2;
  const byLength = new Map<number, Float32Array>();
  const cos = new Float32Array(positions.length * half);
  const sin = new Float32Array(positions.length * half);
  positions.forEach((position, t) => {
    const length = ropeDependsOnLength(rope) ? lengths[t]! : 0;
    const frequencies = byLength.get(length) ?? rotaryFrequencies(rope, length);
    byLength.set(length, frequencies);
    const factor = attentionFactor(rope, length);
    for (let i = 0; i < half; i++) {
      const angle = fround(position * frequencies[i]!);
      cos[t * half + i] = fround(Math.cos(angle)) * factor;
      sin[t * half + i] = fround(Math.sin(angle)) * factor;
    }
  });
  return { cos, sin };
}

/** The factors of queries at the given positions, see `QueryScaling`. */
export function queryFactors(
  { beta, every, offset }: QueryScaling,
  positions: ArrayLike<number>,
): Float32Array {
  return Float32Array.from(positions, (position) => {
    const passed = Math.floor((position + offset) / every);
    return fround(1 + fround(fround(beta) * fround(Math.log(1 + passed))));
  });
}

/** Whether a token's angles depend on how long its sequence is, so that two sequences cannot share a prefix. */
export const ropeDependsOnLength = ({ scaling }: Rope): boolean =>
  scaling?.kind === 'dynamic' || scaling?.kind === 'longrope';

function attentionFactor({ scaling }: Rope, length: number): number {
  if (scaling?.kind === 'yarn') return fround(scaling.attentionFactor);
  if (scaling?.kind !== 'longrope') return 1;
  const { attentionFactor: short, longAttentionFactor: long = short, originalPositions } = scaling;
  return fround(length > originalPositions ? long : short);
}

/**
 * Radians a token by which each of the dim / 2 pairs turns, in a sequence of `length` tokens, as
 * `ROPE_INIT_FUNCTIONS` of transformers 5 compute them.
 */
export function rotaryFrequencies({ theta, dim, scaling }: Rope, length: number): Float32Array {
  const base = scaling?.kind === 'dynamic' ? dynamicBase(theta, dim, scaling, length) : theta;
  const wavelengths = Float32Array.from({ length: dim / 2 }, (_, i) => base ** fround((2 * i) / dim));
  const plain = wavelengths.map((wavelength) => 1 / wavelength);
  switch (scaling?.kind) {
    case 'linear':
      return plain.map((frequency) => frequency / fround(scaling.factor));
    case 'yarn':
      return yarn(wavelengths, theta, dim, scaling);
    case 'llama3':
      return plain.map((frequency) => llama3(frequency, scaling));
    case 'longrope':
      return longrope(wavelengths, scaling, length);
    case 'proportional':
      return plain.map((frequency, i) => (i < scaling.pairs ? frequency / fround(scaling.factor) : 0));
    default:
      return plain;
  }
}

type Scaling<Kind extends RopeScaling['kind']> = Extract<RopeScaling, { kind: Kind }>;

/** NTK-aware: a larger base for a longer sequence. */
function dynamicBase(
  theta: number,
  dim: number,
  { factor, originalPositions }: Scaling<'dynamic'>,
  length: number,
): number {
  if (length <= originalPositions) return theta;
  const stretch = fround(fround(fround(factor * length) / originalPositions) - (factor - 1));
  return fround(theta * fround(stretch ** fround(dim / (dim - 2))));
}

/** Fast pairs turn as they did, slow ones `factor` times slower, those between by a ramp (YaRN, arXiv 2309.00071, section 3.2). */
function yarn(wavelengths: Float32Array, theta: number, dim: number, scaling: Scaling<'yarn'>): Float32Array {
  const { factor, originalPositions, betaFast, betaSlow, truncate } = scaling;
  const pairOf = (turns: number) =>
    (dim * Math.log(originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [fast, slow] = [pairOf(betaFast), pairOf(betaSlow)];
  const low = Math.max(truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(truncate ? Math.ceil(slow) : slow, dim - 1);
  // A ramp of no length would divide by zero.
  const span = low === high ? 0.001 : high - low;
  return wavelengths.map((wavelength, i) => {
    const ramp = Math.min(Math.max(fround(fround(i - fround(low)) / fround(span)), 0), 1);
    const kept = fround(1 - ramp);
    const slowed = fround(1 / fround(fround(factor) * wavelength));
    return fround(slowed * fround(1 - kept)) + fround(fround(1 / wavelength) * kept);
  });
}

/** Each wavelength is stretched by its own factor: another one where the sequence is longer than those of pretraining (LongRoPE). */
function longrope(wavelengths: Float32Array, scaling: Scaling<'longrope'>, length: number): Float32Array {
  const factors = length > scaling.originalPositions ? scaling.longFactors : scaling.shortFactors;
  return wavelengths.map((wavelength, i) => 1 / fround(fround(factors[i]!) * wavelength));
}

/** Long waves are stretched, short ones kept, those between blended (Llama 3.1). */
function llama3(frequency: number, scaling: Scaling<'llama3'>): number {
  const { factor, originalPositions, lowFrequencyFactor, highFrequencyFactor } = scaling;
  const wavelength = fround(fround(1 / frequency) * fround(2 * Math.PI));
  if (wavelength > originalPositions / lowFrequencyFactor) return frequency / factor;
  if (wavelength < originalPositions / highFrequencyFactor) return frequency;
  const turns = fround(fround(1 / wavelength) * originalPositions);
  const smooth = fround(fround(turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor));
  const stretched = fround(fround(fround(1 - smooth) * frequency) / factor);
  return stretched + fround(smooth * frequency);
}
