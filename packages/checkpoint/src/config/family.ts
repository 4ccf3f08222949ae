import type { DecoderConfig, DType } from '@moepress/core';
import { z } from 'zod';
import type { ArchitectureManifest } from '../architectures/manifest.js';
import type { JsonObject } from '../folder/json.js';
import { ConfigReader, count, index } from './reader.js';
import { refuseUnsupported } from './refusals.js';
import { readRopeTheta } from './rope.js';

/** config.json in the vocabulary of the manifests: what the tensors must look like. */
export interface FamilyConfig {
  readonly decoder: DecoderConfig;
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  readonly clip: number | null;
  readonly normaliseTopK: boolean;
  readonly expertWidth: number;
  readonly sharedWidth: number | null;
  /** Null where no layer may be dense. */
  readonly dense: DenseRule | null;
}

interface DenseRule {
  readonly width: number;
  readonly layers: readonly number[];
  /** A layer is MoE only if `layer + 1` is a multiple of it. */
  readonly sparseStep: number;
}

const storageTypes = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' } as const satisfies Record<
  string,
  DType
>;

const storageType = z.enum(['float32', 'float16', 'bfloat16']);

const tokenIds = z.union([index, z.array(index)]);

/**
 * Normalises config.json, in the classic form or that of transformers 5. `generation` is
 * generation_config.json, asked for the end-of-text ids that config.json may lack.
 * Throws `CONFIG_INVALID` naming the key, or `CONFIG_UNSUPPORTED`.
 */
export function readFamilyConfig(
  raw: JsonObject,
  generation: JsonObject,
  manifest: ArchitectureManifest,
  file: string,
): FamilyConfig {
  const reader = new ConfigReader(raw, file);
  refuseUnsupported(raw, manifest, reader);
  const { attention, ffn, keys, router } = manifest;
  const qkvBias = reader.readOr(attention.qkvBias.key, z.boolean(), attention.qkvBias.default);
  return {
    decoder: readDecoder(generation, manifest, reader),
    qkvBias,
    outputBias: attention.outputBias === 'as-qkv' && qkvBias,
    clip: attention.clipKey === null ? null : reader.readOr(attention.clipKey, z.number().positive(), null),
    normaliseTopK: reader.readOr('norm_topk_prob', z.boolean(), router.normaliseDefault),
    expertWidth: reader.read(keys.expertWidth, count),
    sharedWidth: ffn.sharedWidthKey === null ? null : reader.read(ffn.sharedWidthKey, count),
    dense: ffn.dense === 'none' ? null : readDenseRule(reader),
  };
}

/** Whether a layer has experts: the rule of Qwen's configs, and of every layer elsewhere. */
export function isMoeLayer(layer: number, { decoder, dense }: FamilyConfig): boolean {
  if (decoder.experts === 0) return false;
  return dense === null || (!dense.layers.includes(layer) && (layer + 1) % dense.sparseStep === 0);
}

function readDecoder(
  generation: JsonObject,
  { keys }: ArchitectureManifest,
  reader: ConfigReader,
): DecoderConfig {
  const hiddenSize = reader.read('hidden_size', count);
  const heads = reader.read('num_attention_heads', count);
  const kvHeads = reader.readOr('num_key_value_heads', count, heads);
  if (heads % kvHeads !== 0) {
    throw reader.invalid('num_key_value_heads', `it must divide the ${heads} attention heads`);
  }
  const headDim = reader.readOr('head_dim', count, hiddenSize / heads);
  if (headDim % 2 !== 0) throw reader.invalid('head_dim', `heads of ${headDim} cannot be rotated in pairs`);
  const experts = reader.read(keys.experts, index);
  const topK = reader.read(keys.topK, count);
  if (experts > 0 && topK > experts) throw reader.invalid(keys.topK, `there are only ${experts} experts`);
  return {
    hiddenSize,
    vocabSize: reader.read('vocab_size', count),
    layers: reader.read('num_hidden_layers', count.max(10_000)),
    heads,
    kvHeads,
    headDim,
    experts,
    topK,
    rmsNormEps: reader.read('rms_norm_eps', z.number().positive()),
    rope: { theta: readRopeTheta(reader), dim: headDim },
    maxPositions: reader.read('max_position_embeddings', count),
    tiedEmbeddings: reader.readOr('tie_word_embeddings', z.boolean(), false),
    dtype: readDtype(reader),
    bosTokenId: reader.readOr('bos_token_id', index, null),
    eosTokenIds: readEosTokenIds(generation, reader),
  };
}

/** transformers takes float32 for granted where a config does not say. */
function readDtype(reader: ConfigReader): DType {
  const name =
    reader.readOr('dtype', storageType, null) ?? reader.readOr('torch_dtype', storageType, 'float32');
  return storageTypes[name];
}

function readEosTokenIds(generation: JsonObject, reader: ConfigReader): readonly number[] {
  const given = reader.readOr('eos_token_id', tokenIds, null);
  if (given !== null) return [given].flat();
  const fallback = tokenIds.safeParse(generation.eos_token_id);
  return fallback.success ? [fallback.data].flat() : [];
}

function readDenseRule(reader: ConfigReader): DenseRule {
  return {
    width: reader.read('intermediate_size', count),
    layers: reader.readOr('mlp_only_layers', z.array(index), []),
    sparseStep: reader.readOr('decoder_sparse_step', count, 1),
  };
}
