import type { DecoderConfig, DType } from '@moepress/core';
import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { ArchitectureManifest } from '../architectures/manifest.js';
import type { JsonObject } from '../folder/json.js';
import { type AttentionConfig, readAttention } from './attention.js';
import { type FfnConfig, readFfn } from './ffn.js';
import { type Quantisation, readQuantisation } from './quantisation.js';
import { type ConfigWarning, count, index, KeyReader } from './reader.js';
import { refuseUnsupported } from './refusals.js';
import { type RouterConfig, readRouter } from './router.js';
import { layerCount } from './windows.js';

/** config.json in the vocabulary of the manifests: what the tensors must look like. */
export interface FamilyConfig {
  readonly decoder: DecoderConfig;
  readonly attention: AttentionConfig;
  /** Null in a dense family. */
  readonly router: RouterConfig | null;
  readonly ffn: FfnConfig;
  readonly quantisation: Quantisation | null;
  /** Where what is computed is a choice between programs that differ. */
  readonly warnings: readonly ConfigWarning[];
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
  const reader = new KeyReader<Quantity>(raw, manifest.keys, file);
  refuseUnsupported(reader, manifest);
  const quantisation = readQuantisation(reader);
  const layers = reader.read('layers', layerCount);
  const ffn = readFfn(reader, manifest, layers);
  const { experts, topK } = ffn.moe.includes(true) ? readExperts(reader) : { experts: 0, topK: 0 };
  const attention = readAttention(reader, manifest.attention);
  const router = manifest.router && readRouter(reader, manifest.router, experts, topK);
  const { heads, kvHeads, headDim, rope } = attention;
  return {
    decoder: {
      hiddenSize: reader.read('hiddenSize', count),
      vocabSize: reader.read('vocabSize', count),
      layers,
      heads,
      kvHeads,
      headDim,
      experts,
      topK: router?.topK ?? topK,
      rmsNormEps: reader.read('epsilon', z.number().nonnegative()),
      rope,
      maxPositions: reader.read('maxPositions', count),
      tiedEmbeddings: reader.read('tied', z.boolean()),
      dtype: readDtype(reader, quantisation),
      bosTokenId: reader.read('bosTokenId', index.nullable()),
      eosTokenIds: readEosTokenIds(generation, reader),
    },
    attention,
    router,
    ffn,
    quantisation,
    warnings: reader.warnings,
  };
}

/** Experts the router chooses from, and how many. */
function readExperts(reader: KeyReader<Quantity>): { experts: number; topK: number } {
  const experts = reader.read('experts', count);
  const topK = reader.read('topK', count);
  if (topK > experts) throw reader.invalid('topK', `there are only ${experts} experts`);
  return { experts, topK };
}

/**
 * transformers takes float32 for granted where a config does not say; quantised checkpoints that do
 * not are BF16 once read.
 */
function readDtype(reader: KeyReader<Quantity>, quantisation: Quantisation | null): DType {
  const name = reader.read('dtype', storageType.nullable()) ?? (quantisation ? 'bfloat16' : 'float32');
  return storageTypes[name];
}

/** Those of config.json if it names some, then those of generation_config.json, then the family's. */
function readEosTokenIds(generation: JsonObject, reader: KeyReader<Quantity>): readonly number[] {
  const own = reader.read('eosTokenIds', tokenIds.nullable());
  const isNamed = reader.has('eosTokenIds') && own !== null;
  const fallback = tokenIds.safeParse(generation.eos_token_id);
  const ids = !isNamed && fallback.success ? fallback.data : own;
  return ids === null ? [] : [ids].flat();
}
