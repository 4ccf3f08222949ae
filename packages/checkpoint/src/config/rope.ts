import type { Rope, RopeScaling } from '@moepress/core';
import { z } from 'zod';
import { ConfigReader, count, jsonObject, positive } from './reader.js';

export interface RopeConfig {
  readonly theta: number;
  readonly scaling: RopeScaling | null;
  /** Latent attention multiplies its softmax scale by this (DeepSeek-V2's code, `mscale_all_dim`). */
  readonly latentScale: number;
}

/**
 * The rotation, from the classic form (`rope_theta` beside `rope_scaling`) or that of transformers 5
 * (`rope_parameters` with `rope_type` and `rope_theta`); like there the classic form prevails.
 * Throws `CONFIG_UNSUPPORTED` for partial rotation, rotations that differ between layers and scalings
 * other than linear, dynamic, yarn and llama3; `CONFIG_INVALID` for values that make no sense.
 */
export function readRope(reader: ConfigReader): RopeConfig {
  const key = reader.inside('rope_scaling') ? 'rope_scaling' : 'rope_parameters';
  const parameters = readParameters(key, reader);
  const theta =
    parameters.readOr('rope_theta', positive, null) ??
    reader.inside('rope_parameters')?.readOr('rope_theta', positive, null) ??
    reader.read('rope_theta', positive);
  if (parameters.readOr('partial_rotary_factor', z.number(), 1) !== 1) {
    throw reader.unsupported(key, 'a partial_rotary_factor of 1');
  }
  const positions = reader.read('max_position_embeddings', count);
  // A few families keep it beside the parameters, and there it prevails.
  const original =
    reader.readOr('original_max_position_embeddings', count, null) ??
    parameters.readOr('original_max_position_embeddings', count, positions);
  const name = z.string();
  const type = parameters.readOr('rope_type', name, null) ?? parameters.readOr('type', name, 'default');
  switch (type) {
    case 'default':
      return { theta, scaling: null, latentScale: 1 };
    case 'linear':
      return {
        theta,
        scaling: { kind: 'linear', factor: parameters.read('factor', positive) },
        latentScale: 1,
      };
    case 'dynamic': {
      const factor = parameters.read('factor', positive);
      return { theta, scaling: { kind: 'dynamic', factor, originalPositions: positions }, latentScale: 1 };
    }
    case 'yarn':
      return { theta, ...readYarn(parameters, positions, original) };
    case 'llama3':
      return { theta, scaling: readLlama3(parameters, original), latentScale: 1 };
    default:
      throw reader.unsupported(key, 'a rotation of type default, linear, dynamic, yarn or llama3');
  }
}

export function ropeOf({ theta, scaling }: RopeConfig, dim: number, pairing: Rope['pairing']): Rope {
  return { theta, dim, pairing, scaling };
}

/** The parameters of all layers; those nested under the types of layers must be equal. */
function readParameters(key: string, reader: ConfigReader): ConfigReader {
  const found = reader.inside(key);
  if (found === null) return new ConfigReader({}, key);
  const nested = found.keys().filter((name) => name.endsWith('_attention'));
  if (nested.length === 0) return found;
  const texts = new Set(nested.map((name) => JSON.stringify(found.read(name, jsonObject))));
  if (texts.size > 1) throw reader.unsupported(key, 'one rotation for all layers');
  return found.inside(nested[0]!)!;
}

/**
 * YaRN (arXiv 2309.00071), with the attention factor of transformers: 0.1 ln(factor) + 1, or DeepSeek's
 * quotient of the same with `mscale` and `mscale_all_dim` before the logarithm.
 */
function readYarn(
  parameters: ConfigReader,
  positions: number,
  originalPositions: number,
): Pick<RopeConfig, 'scaling' | 'latentScale'> {
  const weight = z.number().nonnegative();
  const factor = parameters.readOr('factor', positive, positions / originalPositions);
  const mscale = (by: number) => (factor <= 1 ? 1 : 0.1 * by * Math.log(factor) + 1);
  const rotated = parameters.readOr('mscale', weight, 0);
  const all = parameters.readOr('mscale_all_dim', weight, 0);
  const inferred = rotated && all ? mscale(rotated) / mscale(all) : mscale(1);
  const scaling: RopeScaling = {
    kind: 'yarn',
    factor,
    originalPositions,
    // Zero stands for the default there.
    betaFast: parameters.readOr('beta_fast', weight, 0) || 32,
    betaSlow: parameters.readOr('beta_slow', weight, 0) || 1,
    truncate: parameters.readOr('truncate', z.boolean(), true),
    attentionFactor: parameters.readOr('attention_factor', positive, inferred),
  };
  return { scaling, latentScale: all ? mscale(all) ** 2 : 1 };
}

function readLlama3(parameters: ConfigReader, originalPositions: number): RopeScaling {
  const lowFrequencyFactor = parameters.read('low_freq_factor', positive);
  const highFrequencyFactor = parameters.read('high_freq_factor', positive);
  if (highFrequencyFactor <= lowFrequencyFactor) {
    throw parameters.invalid('high_freq_factor', `it must exceed the low_freq_factor ${lowFrequencyFactor}`);
  }
  return {
    kind: 'llama3',
    factor: parameters.read('factor', positive),
    originalPositions,
    lowFrequencyFactor,
    highFrequencyFactor,
  };
}
