import { attentionBlocks, type Model, type Rope, type RopeScaling } from '@moepress/core';
import type { GgufTensor } from '../file/gguf-tensor.js';

/** Factors that frequencies of the rotation are divided by, where a file tells of a scaling by them. */
export function rotationTensors(model: Model): GgufTensor[] {
  const scaled = attentionBlocks(model).find(({ attention: { rope } }) => hasFactors(rope));
  if (!scaled) return [];
  const from = Float32Array.from(factorsOf(scaled.attention.rope));
  return [{ name: 'rope_freqs.weight', shape: [from.length], from }];
}

const hasFactors = ({ scaling }: Rope) => scaling?.kind === 'llama3' || scaling?.kind === 'proportional';

/** A frequency that is divided by as much turns nothing. */
const still = 1e30;

function factorsOf({ theta, dim, scaling }: Rope): number[] {
  return Array.from({ length: dim / 2 }, (_, i) => {
    if (scaling?.kind === 'llama3') return llama3Factor(theta ** ((-2 * i) / dim), scaling);
    return scaling?.kind === 'proportional' && i < scaling.pairs ? scaling.factor : still;
  });
}

type Llama3 = Extract<RopeScaling, { kind: 'llama3' }>;

/** What transformers divides a frequency by (`_compute_llama3_parameters`): between the bounds, a mean of both sides. */
function llama3Factor(
  frequency: number,
  { factor, originalPositions, lowFrequencyFactor, highFrequencyFactor }: Llama3,
): number {
  const turns = (originalPositions * frequency) / (2 * Math.PI);
  if (turns > highFrequencyFactor) return 1;
  if (turns < lowFrequencyFactor) return factor;
  const share = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
  return 1 / ((1 - share) / factor + share);
}
