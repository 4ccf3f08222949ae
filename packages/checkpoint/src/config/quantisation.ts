import { z } from 'zod';
import { type ConfigReader, count } from './reader.js';

/**
 * What `quantization_config` says of the weights. MXFP4 tensors tell the rest by themselves; FP8 ones
 * share a scale in squares of `block`.
 */
export type Quantisation = { readonly method: 'mxfp4' } | { readonly method: 'fp8'; readonly block: number };

/** Null for plain weights. Throws `CONFIG_UNSUPPORTED` for other methods, or `CONFIG_INVALID`. */
export function readQuantisation(reader: ConfigReader): Quantisation | null {
  const key = 'quantization_config';
  const config = reader.inside(key);
  if (config === null) return null;
  const method = config.readOr('quant_method', z.string(), null);
  if (method === 'mxfp4') return { method };
  if (method !== 'fp8') throw reader.unsupported(key, 'quant_method "fp8" or "mxfp4"');
  const fits =
    config.readOr('fmt', z.string(), 'e4m3') === 'e4m3' &&
    config.readOr('activation_scheme', z.string(), 'dynamic') === 'dynamic';
  const [height, width] = config.readOr('weight_block_size', z.tuple([count, count]), [0, 0]);
  if (!fits || height === 0 || height !== width) {
    throw reader.unsupported(key, 'fp8 in format e4m3 with scales of square blocks and dynamic activations');
  }
  return { method, block: height };
}
