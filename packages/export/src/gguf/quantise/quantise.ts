import { encodeFloats, type GgmlTypeName } from '@moepress/checkpoint';
import { quantiseMxfp4 } from './four-bit-floats.js';
import { quantiseQ40, quantiseQ50, quantiseQ80 } from './plain-blocks.js';
import { quantiseQ4K, quantiseQ5K } from './scaled-blocks.js';
import { quantiseQ6K } from './six-bits.js';

/**
 * Writes values, whole blocks of them, in another type; the target is as long as they take. With `importance`, the mean squares
 * of what the columns of a row are multiplied with, values are whole rows, and errors count by it in those types where
 * ggml weighs them so: q4_0, q5_0 and the k-quants.
 */
export type Quantiser = (
  values: Float32Array<ArrayBuffer>,
  target: Uint8Array<ArrayBuffer>,
  importance?: Float32Array,
) => void;

const known = {
  f32: (values, target) => encodeFloats(values, 'F32', target),
  f16: (values, target) => encodeFloats(values, 'F16', target),
  bf16: (values, target) => encodeFloats(values, 'BF16', target),
  q8_0: quantiseQ80,
  q4_0: quantiseQ40,
  q5_0: quantiseQ50,
  mxfp4: quantiseMxfp4,
  q4_k: quantiseQ4K,
  q5_k: quantiseQ5K,
  q6_k: quantiseQ6K,
} satisfies Partial<Record<GgmlTypeName, Quantiser>>;

export type WrittenType = keyof typeof known;

/**
 * The types that weights are written in. Bytes of f16, bf16, q8_0, q4_0, q5_0 and mxfp4 are those of the Python package gguf, and
 * of the k-quants those of ggml's `quantize_row_*_ref`; with an importance those of its `ggml_quantize_chunk`.
 */
export const quantisers: Readonly<Record<WrittenType, Quantiser>> = known;
