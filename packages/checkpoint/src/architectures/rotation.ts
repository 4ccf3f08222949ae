import { as, type KeyRule, type KeyTable, key, none, refused, value } from './keys.js';

/**
 * What each type of rotation reads from `rope_parameters` or `rope_scaling`, as `ROPE_INIT_FUNCTIONS` of transformers
 * 5.18 do. All families read it alike.
 */
export type RotationQuantity =
  | 'type'
  | 'legacyType'
  | 'theta'
  | 'partialRotary'
  | 'factor'
  | 'alpha'
  | 'originalPositions'
  | 'attentionFactor'
  | 'mscale'
  | 'mscaleAllDim'
  | 'queryBeta'
  | 'betaFast'
  | 'betaSlow'
  | 'truncate'
  | 'lowFrequencyFactor'
  | 'highFrequencyFactor'
  | 'shortFactor'
  | 'shortMscale'
  | 'longMscale'
  | 'longFactor';

type Table = KeyTable<RotationQuantity>;

const factor: KeyRule<never> = key('factor', refused);
/** max_position_embeddings divided by those before stretching. */
const factorOrRatio: KeyRule<never> = key('factor', refused, { null: none });
const originalPositions: KeyRule<never> = key('original_max_position_embeddings', none);
const attentionFactor: KeyRule<never> = key('attention_factor', none, { null: none });

/**
 * Keys of every type. Latent attention scales its softmax by `mscale_all_dim` for every type except the unscaled
 * rotation.
 */
export const commonRotation = {
  type: key<RotationQuantity>('rope_type', as('legacyType')),
  legacyType: key('type', value('default')),
  theta: key('rope_theta', none),
  partialRotary: key('partial_rotary_factor', none),
  mscaleAllDim: key('mscale_all_dim', value(0), { null: value(0) }),
  // Mistral 4's alone.
  queryBeta: key('llama_4_scaling_beta', none),
} as const satisfies Table;

export const rotations = {
  default: {},
  linear: { factor },
  // Hunyuan's alone.
  dynamic: { factor, alpha: key('alpha', none, { null: none, truth: true }) },
  proportional: { factor: key('factor', value(1)) },
  yarn: {
    factor: factorOrRatio,
    originalPositions,
    attentionFactor,
    mscale: key('mscale', value(0), { null: value(0) }),
    betaFast: key('beta_fast', value(32), { null: value(32), truth: true }),
    betaSlow: key('beta_slow', value(1), { null: value(1), truth: true }),
    truncate: key('truncate', value(true), { null: value(false), truth: true }),
  },
  longrope: {
    factor: key('factor', none, { null: none }),
    originalPositions,
    attentionFactor,
    shortFactor: key('short_factor', refused),
    longFactor: key('long_factor', refused),
    // Phi-3.5-MoE's alone.
    shortMscale: key('short_mscale', refused),
    longMscale: key('long_mscale', refused),
  },
  llama3: {
    factor,
    originalPositions,
    lowFrequencyFactor: key('low_freq_factor', refused),
    highFrequencyFactor: key('high_freq_factor', refused),
  },
} as const satisfies Readonly<Record<string, Table>>;

export type RotationType = keyof typeof rotations;
