import type { DecoderConfig } from '@moepress/core';
import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { ArchitectureManifest } from '../architectures/manifest.js';
import type { JsonObject } from '../folder/json.js';
import { type AttentionConfig, layerCount, readAttention } from './attention-config.js';
import { type FfnConfig, readFfn } from './ffn.js';
import { asTokenId, readEosTokenIds } from './generation.js';
import { type ConfigWarning, count, KeyReader } from './reader.js';
import { refuseUnsupported } from './refusals.js';
import { type RouterConfig, readRouter } from './router.js';
import { declaredDtype, type Quantisation, readQuantisation } from './storage.js';

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

/**
 * Normalises config.json, in the classic form or that of transformers 5. `generation` is
 * generation_config.json, null where there is none, whose end-of-text ids prevail.
 * Throws `CONFIG_INVALID` naming the key, or `CONFIG_UNSUPPORTED`.
 */
export function readFamilyConfig(
  raw: JsonObject,
  generation: JsonObject | null,
  manifest: ArchitectureManifest,
  file: string,
): FamilyConfig {
  const reader = new KeyReader<Quantity>(raw, manifest.keys, file);
  refuseUnsupported(reader, raw, manifest, file);
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
      dtype: declaredDtype(raw) ?? (quantisation ? 'BF16' : 'F32'),
      bosTokenId: asTokenId(reader.value('bosTokenId')),
      eosTokenIds: readEosTokenIds(raw, generation, file),
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
