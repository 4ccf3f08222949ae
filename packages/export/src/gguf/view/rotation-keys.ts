import type { Attention, RopeScaling } from '@moepress/core';
import type { GgufArchitecture } from '../architectures/gguf-architecture.js';
import { float, ints, type Keys, text, uint } from '../file/metadata.js';

/** Frequencies of three axes, as even as can be, and of a fourth that is not used. Positions of texts are the same on all axes. */
function thirds(frequencies: number): number[] {
  const least = Math.floor(frequencies / 3);
  const sizes = [0, 1, 2].map((axis) => least + (axis < frequencies % 3 ? 1 : 0));
  return [...sizes, 0];
}

type Yarn = Extract<RopeScaling, { kind: 'yarn' }>;

/** What a file says of the rotation. */
export function rotationKeys(attention: Attention, { rotationSections }: GgufArchitecture): Keys {
  const { dim, theta, scaling } = attention.rope;
  return {
    'rope.dimension_count': uint(dim),
    'rope.freq_base': float(theta),
    ...(rotationSections && { 'rope.dimension_sections': ints(thirds(dim / 2)) }),
    ...(scaling?.kind === 'linear' && {
      'rope.scaling.type': text('linear'),
      'rope.scaling.factor': float(scaling.factor),
    }),
    ...(scaling?.kind === 'yarn' && yarnKeys(scaling, attention)),
  };
}

function yarnKeys(scaling: Yarn, attention: Attention): Keys {
  const { factor, originalPositions, betaFast, betaSlow } = scaling;
  return {
    'rope.scaling.type': text('yarn'),
    'rope.scaling.factor': float(factor),
    'rope.scaling.original_context_length': uint(originalPositions),
    'rope.scaling.yarn_beta_fast': float(betaFast),
    'rope.scaling.yarn_beta_slow': float(betaSlow),
    'rope.scaling.yarn_ext_factor': float(1),
    ...(attention.kind === 'mla' ? latentFactors(scaling, attention) : plainFactors(scaling)),
  };
}

/** llama.cpp multiplies cosine and sine by 0.1 ln(factor) + 1 by itself, and by what files say. */
function plainFactors({ factor, attentionFactor }: Yarn): Keys {
  const own = 0.1 * Math.log(factor) + 1;
  return Math.abs(attentionFactor / own - 1) < 1e-6
    ? {}
    : { 'rope.scaling.attn_factor': float(attentionFactor / own) };
}

/**
 * For latent attention it multiplies cosine and sine by the factor a that files say, and the scale of attention by
 * (a (1 + 0.1 m ln(factor)))², where files say 0.1 m; without m both factors are 0.1 ln(factor) + 1 times as large.
 */
function latentFactors({ factor, attentionFactor }: Yarn, { scale, headDim }: Attention): Keys {
  const log = Math.log(factor);
  const onScale = Math.sqrt(scale * Math.sqrt(headDim));
  const multiplier = (onScale / attentionFactor - 1) / (0.1 * log);
  if (Math.abs(multiplier) < 1e-6) {
    return { 'rope.scaling.attn_factor': float(attentionFactor / (0.1 * log + 1)) };
  }
  return {
    'rope.scaling.attn_factor': float(attentionFactor),
    'rope.scaling.yarn_log_multiplier': float(0.1 * multiplier),
  };
}
