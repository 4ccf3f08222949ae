import type { DecoderConfig, DType } from '@moepress/core';
import { z } from 'zod';
import type { ArchitectureManifest } from '../architectures/manifest.js';
import type { JsonObject } from '../folder/json.js';
import { type AttentionConfig, layerCount, readAttention } from './attention.js';
import { type FfnConfig, readFfn } from './ffn.js';
import { type Quantisation, readQuantisation } from './quantisation.js';
import { ConfigReader, count, index } from './reader.js';
import { refuseUnsupported } from './refusals.js';
import { type RouterConfig, readRouter } from './router.js';

/** config.json in the vocabulary of the manifests: what the tensors must look like. */
export interface FamilyConfig {
  readonly decoder: DecoderConfig;
  readonly attention: AttentionConfig;
  /** Null in a dense family. */
  readonly router: RouterConfig | null;
  readonly ffn: FfnConfig;
  readonly quantisation: Quantisation | null;
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
  const quantisation = readQuantisation(reader);
  const { experts, topK } = readExperts(reader, manifest);
  const layers = reader.read('num_hidden_layers', layerCount);
  const attention = readAttention(reader, manifest.attention);
  const { heads, kvHeads, headDim, rope } = attention;
  return {
    decoder: {
      hiddenSize: reader.read('hidden_size', count),
      vocabSize: reader.read('vocab_size', count),
      layers,
      heads,
      kvHeads,
      headDim,
      experts,
      topK,
      rmsNormEps: reader.read('rms_norm_eps', z.number().positive()),
      rope,
      maxPositions: reader.read('max_position_embeddings', count),
      tiedEmbeddings: reader.readOr('tie_word_embeddings', z.boolean(), false),
      dtype: readDtype(reader, quantisation),
      bosTokenId: reader.readOr('bos_token_id', index, null),
      eosTokenIds: readEosTokenIds(generation, reader),
    },
    attention,
    router: manifest.router && readRouter(reader, manifest.router, experts, topK),
    ffn: readFfn(reader, manifest, layers, experts),
    quantisation,
  };
}

/** Experts the router chooses from, and how many; 0 in a dense family. */
function readExperts(reader: ConfigReader, { keys }: ArchitectureManifest) {
  if (keys === null) return { experts: 0, topK: 0 };
  const experts = reader.read(keys.experts, index);
  const topK = reader.read(keys.topK, count);
  if (experts > 0 && topK > experts) throw reader.invalid(keys.topK, `there are only ${experts} experts`);
  return { experts, topK };
}

/**
 * transformers takes float32 for granted where a config does not say; quantised checkpoints that do
 * not are BF16 once read.
 */
function readDtype(reader: ConfigReader, quantisation: Quantisation | null): DType {
  const name =
    reader.readOr('dtype', storageType, null) ??
    reader.readOr('torch_dtype', storageType, quantisation ? 'bfloat16' : 'float32');
  return storageTypes[name];
}

function readEosTokenIds(generation: JsonObject, reader: ConfigReader): readonly number[] {
  const given = reader.readOr('eos_token_id', tokenIds, null);
  if (given !== null) return [given].flat();
  const fallback = tokenIds.safeParse(generation.eos_token_id);
  return fallback.success ? [fallback.data].flat() : [];
}
