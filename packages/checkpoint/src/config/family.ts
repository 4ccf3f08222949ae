import { isDeepStrictEqual } from 'node:util';
import { type DecoderConfig, MoepressError, shown } from '@moepress/core';
import { z } from 'zod';
import type { ConfigValue, Quantity } from '../architectures/keys.js';
import type { ArchitectureManifest } from '../architectures/manifest.js';
import type { JsonObject } from '../folder/json.js';
import { type AttentionConfig, readAttention } from './attention-config.js';
import { type FfnConfig, readFfn } from './ffn.js';
import { asTokenId, readEosTokenIds } from './generation.js';
import { type LayerParts, readLayerParts } from './layer-types.js';
import { type ConfigWarning, count, KeyReader, layerCount, positive } from './reader.js';
import { type RecurrenceConfig, readRecurrence } from './recurrence-config.js';
import { type RouterConfig, readRouter } from './router.js';
import { declaredDtype, readQuantisation } from './storage.js';
import { textConfig } from './text-config.js';
import type { Quantisation } from './weight-scheme.js';

/** config.json in the vocabulary of the manifests: what the tensors must look like. */
export interface FamilyConfig {
  readonly decoder: DecoderConfig;
  readonly attention: AttentionConfig;
  /** Null in a family whose layers all have attention. */
  readonly recurrence: RecurrenceConfig | null;
  /** Of each layer. */
  readonly parts: readonly LayerParts[];
  /** Null in a dense family. */
  readonly router: RouterConfig | null;
  readonly ffn: FfnConfig;
  /** Whether the logits have a bias. */
  readonly headBias: boolean;
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
  config: JsonObject,
  generation: JsonObject | null,
  manifest: ArchitectureManifest,
  file: string,
): FamilyConfig {
  const raw = textConfig(config, manifest, file);
  const reader = new KeyReader<Quantity>(raw, manifest.keys, file);
  refuseUnsupported(reader, raw, manifest, file);
  const quantisation = readQuantisation(reader);
  const layers = reader.read('layers', layerCount);
  const ffn = readFfn(reader, manifest, layers);
  const { experts, topK } = ffn.moe.includes(true) ? readExperts(reader) : { experts: 0, topK: 0 };
  const attention = readAttention(reader, manifest);
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
      ...(manifest.normOffset && { normOffset: manifest.normOffset }),
      ...(hasLayerNorm(reader, manifest) && { layerNorm: true }),
      rope,
      maxPositions: reader.read('maxPositions', count),
      tiedEmbeddings: reader.read('tied', z.boolean()),
      ...readMultipliers(reader, manifest),
      ...readLogitCap(reader),
      dtype: declaredDtype(raw) ?? (quantisation ? 'BF16' : 'F32'),
      bosTokenId: asTokenId(reader.value('bosTokenId')),
      eosTokenIds: readEosTokenIds(raw, generation, file),
    },
    attention,
    parts: readLayerParts(reader, manifest.recurrence?.kind),
    recurrence: manifest.recurrence ? readRecurrence(reader, manifest.recurrence) : null,
    router,
    ffn,
    headBias: reader.reads('headBias') && reader.read('headBias', z.boolean()),
    quantisation,
    warnings: reader.warnings,
  };
}

function readMultipliers(
  reader: KeyReader<Quantity>,
  { embeddingRoot }: ArchitectureManifest,
): Pick<DecoderConfig, 'multipliers'> {
  const number = (quantity: Quantity) => (reader.reads(quantity) ? reader.read(quantity, z.number()) : 1);
  const isScaled =
    embeddingRoot && (!reader.reads('scalesEmbedding') || reader.read('scalesEmbedding', z.boolean()));
  const root = isScaled ? Math.sqrt(reader.read('hiddenSize', count)) : 1;
  const divisor = reader.reads('logitsScaling') ? reader.read('logitsScaling', positive) : 1;
  const multipliers = {
    embedding: root * number('embeddingMultiplier'),
    residual: number('residualMultiplier'),
    logits: number('logitScale') / divisor,
  };
  return Object.values(multipliers).every((factor) => factor === 1) ? {} : { multipliers };
}

function readLogitCap(reader: KeyReader<Quantity>): Pick<DecoderConfig, 'logitCap'> {
  const cap = reader.reads('logitCap') ? reader.read('logitCap', positive.nullable()) : null;
  return cap === null ? {} : { logitCap: cap };
}

function hasLayerNorm(reader: KeyReader<Quantity>, { layerNorm }: ArchitectureManifest): boolean {
  return layerNorm !== undefined && (!reader.reads('rmsEpsilon') || reader.value('rmsEpsilon') === null);
}

/** Experts the router chooses from, and how many. */
function readExperts(reader: KeyReader<Quantity>): { experts: number; topK: number } {
  const experts = reader.read('experts', count);
  const topK = reader.read('topK', count);
  if (topK > experts) throw reader.invalid('topK', `there are only ${experts} experts`);
  return { experts, topK };
}

/**
 * Throws `CONFIG_UNSUPPORTED` for settings of single layers, for what `fixed` of the manifest excludes, for tokens that see what follows them, for weights under
 * another name, for a head other than that of a language model, and for a layout of experts that is written and not read.
 */
function refuseUnsupported(
  reader: KeyReader<Quantity>,
  raw: JsonObject,
  { fixed = {}, echoes = {} }: ArchitectureManifest,
  file: string,
): void {
  if (reader.value('perLayer') !== null && !reader.reads('fullHeadDim')) {
    throw reader.unsupported('perLayer', 'one configuration for all layers');
  }
  if (reader.value('causal') === false) throw reader.unsupported('causal', 'true');
  if (reader.value('weightsFile') !== null) {
    throw reader.unsupported('weightsFile', 'model.safetensors or its shards');
  }
  if (reader.reads('perLayerInput') && reader.value('perLayerInput') !== 0) {
    throw reader.unsupported('perLayerInput', '0, no embeddings for single layers,');
  }
  refuseOtherHeads(raw, file);
  refuseUnread(raw, fixed, file);
  const echoed = Object.entries(echoes).map(
    ([name, of]) => [name, [reader.value(of) as ConfigValue]] as const,
  );
  refuseUnread(raw, Object.fromEntries(echoed), file);
  if (raw.less_is_moe === undefined || raw.less_is_moe === null) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: 'The experts are stored in the less-is-moe layout, which can be written but not read.',
    where: `${file}: less_is_moe`,
    hint: 'Use the checkpoint it was made from with its moepress_plan.json.',
  });
}

/** Refuses keys that are not read and ask for another mathematics. Throws `CONFIG_UNSUPPORTED`. */
function refuseUnread(
  raw: JsonObject,
  fixed: NonNullable<ArchitectureManifest['fixed']>,
  file: string,
): void {
  for (const [name, values] of Object.entries(fixed)) {
    const told = raw[name];
    if (told === undefined || told === null || values.some((value) => isDeepStrictEqual(value, told)))
      continue;
    throw new MoepressError('CONFIG_UNSUPPORTED', {
      message: `"${name}" is ${shown(told)}; only ${values.map((value) => JSON.stringify(value)).join(' or ')} is implemented.`,
      where: `${file}: ${name}`,
    });
  }
}

/** Classes with another head on the same decoder, or that let tokens see what follows them. */
const other = /For(?!CausalLM)[A-Z]|Classif|Reward|Embed|Bidirectional/;

/**
 * Refuses checkpoints that are no language models, by the names under `architectures`. As in transformers `model_type`
 * decides what a decoder is: wrappers leave names such as FSDPLlamaForCausalLM there, and converters others. Throws
 * `CONFIG_UNSUPPORTED`.
 */
export function refuseOtherHeads({ architectures }: JsonObject, file: string): void {
  const names = Array.isArray(architectures)
    ? architectures.filter((name): name is string => typeof name === 'string')
    : [];
  if (names.length === 0 || !names.every((name) => other.test(name))) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `"architectures" is ${shown(names)}: this model does not predict the next token.`,
    where: `${file}: architectures`,
    hint: 'Use the language model that it was made from.',
  });
}
