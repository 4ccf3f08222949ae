import { attentionBlocks, type Model, type RopeScaling } from '@moepress/core';
import type { GgufTensor } from '../file/gguf-tensor.js';

/** Factors that frequencies of the rotation are divided by, where a file tells of a scaling by them. */
export function rotationTensors(model: Model): GgufTensor[] {
  const rope = attentionBlocks(model)[0]?.attention.rope;
  if (rope?.scaling?.kind !== 'llama3') return [];
  const frequencies = Array.from({ length: rope.dim / 2 }, (_, i) => rope.theta ** ((-2 * i) / rope.dim));
  const from = Float32Array.from(frequencies, (frequency) => llama3Factor(frequency, rope.scaling as Llama3));
  return [{ name: 'rope_freqs.weight', shape: [from.length], from }];
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
