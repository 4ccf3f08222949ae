import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { ShortConvolutionTraits } from '../architectures/manifest.js';
import { count, type KeyReader } from './reader.js';

export interface ShortConvolutionConfig extends ShortConvolutionTraits {
  /** Tokens that the convolution sees, the newest included. */
  readonly window: number;
  /** Whether it has a bias, and so the projections around it. */
  readonly bias: boolean;
}

/** Throws `CONFIG_INVALID`. */
export function readShortConvolution(reader: KeyReader<Quantity>): ShortConvolutionConfig {
  return {
    kind: 'short-convolution',
    window: reader.read('convolutionWindow', count),
    bias: reader.read('convolutionBias', z.boolean()),
  };
}
