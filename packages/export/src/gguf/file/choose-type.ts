import { ggmlTypes } from '@moepress/checkpoint';
import type { WrittenType } from '../quantise/quantise.js';
import type { GgufTensor } from './gguf-tensor.js';

/** What users choose between; all but `q4_k_m` and `mxfp4` are the type of all large matrices. */
export const ggufTypes = ['f16', 'bf16', 'f32', 'q8_0', 'q4_0', 'q4_k_m', 'q6_k', 'mxfp4'] as const;
export type GgufTypeChoice = (typeof ggufTypes)[number];

/** `general.file_type` of each. */
export const fileTypes: Readonly<Record<GgufTypeChoice, number>> = {
  f32: 0,
  f16: 1,
  q4_0: 2,
  q8_0: 7,
  q4_k_m: 15,
  q6_k: 18,
  bf16: 32,
  mxfp4: 38,
};

/** Matrices that are small and steer much: they stay F32 in files of all types. */
const steering = /(?:_norm|ffn_gate_inp|ffn_gate_inp_shexp|ssm_conv1d\w*|shortconv\.conv)\.weight$/;

/** What else decides over the types of a file's tensors. */
export interface MixtureFacts {
  readonly layers: number;
  /** 0 in a model without experts. */
  readonly experts: number;
  /** Whether the embedding is the language-model head too. */
  readonly tied: boolean;
}

/** The types of tensors, as `llama-quantize` chooses them where it has no importance matrix. */
export function chooseType(tensor: GgufTensor, choice: GgufTypeChoice, facts: MixtureFacts): WrittenType {
  const { name, shape } = tensor;
  if (shape.length < 2 || !name.endsWith('.weight') || steering.test(name)) return 'f32';
  if (choice === 'f32' || choice === 'f16' || choice === 'bf16') return choice;
  // Experts, whose matrices are stacked, and not the heads of latent attention.
  if (choice === 'mxfp4') return fitting(/_exps\.weight$/.test(name) ? 'mxfp4' : 'q8_0', shape.at(-1)!);
  return fitting(mixed(name, choice, facts), shape.at(-1)!);
}

function mixed(
  name: string,
  choice: Exclude<GgufTypeChoice, 'f32' | 'f16' | 'bf16' | 'mxfp4'>,
  facts: MixtureFacts,
): WrittenType {
  const base = choice === 'q4_k_m' ? 'q4_k' : choice;
  const isHead = name === 'output.weight' || (facts.tied && name === 'token_embd.weight');
  if (isHead) return base === 'q8_0' ? base : 'q6_k';
  const part = /\.(attn_q|attn_k|attn_v|attn_kv_b|attn_output|ffn_down\w*)\.weight$/.exec(name)?.[1];
  const isValue = part === 'attn_v' || part === 'attn_kv_b';
  // A model of eight experts spends little on its attention.
  if (facts.experts === 8 && (isValue || part === 'attn_k')) return 'q8_0';
  if (choice !== 'q4_k_m' || part === undefined) return base;
  if (facts.experts === 8 && part === 'attn_output') return 'q5_k';
  const layer = Number(/^blk\.(\d+)\./.exec(name)?.[1]);
  const matters = isValue || part.startsWith('ffn_down');
  return matters && hasMoreBits(layer, facts.layers) ? 'q6_k' : base;
}

/** The first and the last eighth of the layers, and every third between them. */
function hasMoreBits(layer: number, layers: number): boolean {
  const eighth = Math.floor(layers / 8);
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
}

const smaller: Partial<Record<WrittenType, WrittenType>> = { q4_k: 'q5_0', q5_k: 'q8_0', q6_k: 'q8_0' };

/** A type whose blocks fill rows of `columns`. */
function fitting(type: WrittenType, columns: number): WrittenType {
  if (columns % ggmlTypes[type].block === 0) return type;
  const next = smaller[type];
  return next && columns % ggmlTypes[next].block === 0 ? next : 'f16';
}
