import type { JsonObject } from '../../folder/json.js';
import { decodeFloat32 } from '../../tensor/read-tensor.js';
import type { GgufFile } from '../read-gguf.js';

/** The tensor of what frequencies of the rotation are divided by. */
export const ropeFactorsName = 'rope_freqs.weight';

/** More pairs of numbers than any head rotates. */
const mostFactors = 4096;

/** What a file divides the frequencies of the rotation by; null where it does not, undefined where that cannot be read. */
export async function readRopeFactors(files: readonly GgufFile[]): Promise<Float32Array | null | undefined> {
  const file = files.find(({ tensors }) => tensors.has(ropeFactorsName));
  if (!file) return null;
  const { type, shape, offset, length } = file.tensors.get(ropeFactorsName)!;
  if (type.name !== 'f32' || shape.length !== 1 || shape[0]! > mostFactors) return undefined;
  const where = { kind: 'stored', dtype: 'F32', name: ropeFactorsName, shape, offset, length } as const;
  return decodeFloat32({ ...where, file: file.path });
}

/** The scaling of Llama 3.1 as its models are published, by the positions they were first trained with. */
const lowFrequencyFactor = 1;
const highFrequencyFactor = 4;
const originalPositions = Array.from(
  { length: 11 },
  (_, i) => 8192 * 2 ** ((i % 2 === 0 ? -1 : 1) * Math.ceil(i / 2)),
);

/** Relative difference that rounding to fp32 makes. */
const tolerance = 1e-5;

/**
 * What config.json says where these factors come from: `{}` where all are one, `rope_scaling` of Llama 3 where they are those of
 * its formula (`_compute_llama3_parameters` of transformers); null for others.
 */
export function scalingOf(factors: Float32Array, theta: number): JsonObject | null {
  if (factors.every((factor) => factor === 1)) return {};
  const factor = Math.max(...factors);
  for (const original of originalPositions) {
    const isSame = factors.every((found, i) => {
      const expected = llama3Factor(theta ** (-i / factors.length), factor, original);
      return Math.abs(found / expected - 1) < tolerance;
    });
    if (!isSame) continue;
    return {
      rope_scaling: {
        rope_type: 'llama3',
        factor,
        low_freq_factor: lowFrequencyFactor,
        high_freq_factor: highFrequencyFactor,
        original_max_position_embeddings: original,
      },
    };
  }
  return null;
}

function llama3Factor(frequency: number, factor: number, original: number): number {
  const turns = (original * frequency) / (2 * Math.PI);
  if (turns > highFrequencyFactor) return 1;
  if (turns < lowFrequencyFactor) return factor;
  const share = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
  return 1 / ((1 - share) / factor + share);
}
