import type { GatedActivation } from '@moepress/core';
import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { ArchitectureManifest, FfnTraits } from '../architectures/manifest.js';
import type { JsonObject } from '../folder/json.js';
import { readPlainActivation } from './activations.js';
import { type LayerParts, readLayerParts } from './layer-types.js';
import { count, index, KeyReader } from './reader.js';
import { textConfig } from './text-config.js';

export interface FfnConfig {
  /** Intermediate size of a routed expert; 0 in a dense family. */
  readonly expertWidth: number;
  /** Intermediate size of a dense layer. */
  readonly denseWidth: number;
  /** Intermediate size of the shared expert, possibly 0; null in a family without one. */
  readonly sharedWidth: number | null;
  /** Whether shared and routed experts are averaged and not added. */
  readonly averaged: boolean;
  /** For each layer, whether it has experts. */
  readonly moe: readonly boolean[];
  readonly activation: GatedActivation;
  /** Whether dense MLPs and shared experts have biases. */
  readonly bias: boolean;
  /** Dimensions of what routed experts see; null: those of the hidden states. */
  readonly expertSpace: number | null;
}

/** Throws `CONFIG_INVALID` or `CONFIG_UNSUPPORTED`. */
export function readFfn(
  reader: KeyReader<Quantity>,
  { ffn }: ArchitectureManifest,
  layers: number,
): FfnConfig {
  const isDense = ffn.dense === 'flag' && !reader.read('hasExperts', z.boolean());
  const experts = reader.reads('experts') && !isDense ? reader.read('experts', index) : 0;
  const expertWidth = reader.reads('expertWidth') && !isDense ? reader.read('expertWidth', count) : 0;
  const hasExperts = readLayerRule(reader, ffn.dense);
  return {
    expertWidth,
    denseWidth: reader.reads('denseWidth') ? readDenseWidth(reader) : expertWidth,
    sharedWidth: readSharedWidth(reader, ffn, expertWidth),
    moe: Array.from({ length: layers }, (_, layer) => experts > 0 && hasExperts(layer)),
    averaged: readAveraged(reader, ffn),
    activation: readActivation(reader, ffn.clamp),
    bias: reader.reads('mlpBias') && reader.read('mlpBias', z.boolean()),
    expertSpace: reader.reads('expertSpace') ? reader.read('expertSpace', count.nullable()) : null,
  };
}

/** The parts that a family's config.json gives each layer. Throws `CONFIG_INVALID`. */
export function layerParts(config: JsonObject, manifest: ArchitectureManifest): readonly LayerParts[] {
  const raw = textConfig(config, manifest, 'config.json');
  return readLayerParts(
    new KeyReader<Quantity>(raw, manifest.keys, 'config.json'),
    manifest.recurrence?.kind,
  );
}

/** Layers that a family's config.json makes dense. Throws `CONFIG_INVALID`. */
export function denseLayers(config: JsonObject, manifest: ArchitectureManifest, layers: number): number[] {
  const { keys, ffn, recurrence } = manifest;
  const raw = textConfig(config, manifest, 'config.json');
  const reader = new KeyReader<Quantity>(raw, keys, 'config.json');
  const hasExperts = readLayerRule(reader, ffn.dense);
  const parts = readLayerParts(reader, recurrence?.kind);
  return Array.from({ length: layers }, (_, layer) => layer).filter(
    (layer) => parts[layer]?.ffn && !hasExperts(layer),
  );
}

/** Of the adjusted width each step is rounded as LFM2's code rounds it. */
function readDenseWidth(reader: KeyReader<Quantity>): number {
  const told = reader.read('denseWidth', count);
  if (!reader.reads('adjustsWidth') || !reader.read('adjustsWidth', z.boolean())) return told;
  const adjusted = Math.trunc((2 * told) / 3);
  const factor = reader.read('widthFactor', z.number().positive().nullable());
  if (factor === null) return adjusted;
  const multiple = reader.read('widthMultiple', count);
  return multiple * Math.ceil(Math.trunc(factor * adjusted) / multiple);
}

function readLayerRule(reader: KeyReader<Quantity>, rule: FfnTraits['dense']): (layer: number) => boolean {
  if (rule === 'none') return () => true;
  if (rule === 'all') return () => false;
  if (rule === 'without-experts') {
    const experts = reader.read('experts', index);
    return () => experts > 0;
  }
  if (rule === 'mlp-only-layers') {
    const dense = new Set(reader.read('denseLayers', z.array(z.int())));
    const step = reader.read('moeEvery', count);
    return (layer) => !dense.has(layer) && (layer + 1) % step === 0;
  }
  if (rule === 'layer-types') {
    const types = reader.read('layerTypes', z.array(z.string()));
    return (layer) => types[layer] === 'moe';
  }
  if (rule === 'types') return hasExpertsByTypes(reader);
  if (rule === 'flag') return () => reader.read('hasExperts', z.boolean());
  if (rule === 'listed') {
    const listed = reader.read('moeLayers', z.array(index).nullable());
    const step = reader.read('moeEvery', count);
    return (layer) => (listed ? listed.includes(layer) : (layer + 1) % step === 0);
  }
  const first = reader.read('firstDense', index);
  if (!reader.reads('moeEvery')) return (layer) => layer >= first;
  const step = reader.read('moeEvery', count);
  if (rule === 'interval') {
    const told = reader.read('lastMoe', z.int());
    const last = told === -1 ? Number.POSITIVE_INFINITY : told;
    return (layer) => layer >= first && layer <= last && (layer + 1) % step === 0;
  }
  if (rule === 'prefix-and-step') return (layer) => layer >= first && layer % step === 0;
  if (step !== 1) {
    reader.warn(
      'moeEvery',
      "It is ignored: every layer after the first dense ones has experts, as in transformers. DeepSeek's own code makes others dense.",
    );
  }
  return (layer) => layer >= first;
}

/** Whether layers have experts, by `mlp_layer_types` or how many are dense at the beginning. */
export function hasExpertsByTypes(reader: KeyReader<Quantity>): (layer: number) => boolean {
  const types = reader.read('mlpTypes', z.array(z.enum(['dense', 'sparse'])).nullable());
  if (types === null) {
    const first = reader.reads('firstDense') ? reader.read('firstDense', index) : 1;
    const told = reader.reads('moeFlags') ? reader.read('moeFlags', z.array(index).nullable()) : null;
    if (told?.some((flag, layer) => (flag !== 0) !== layer >= first)) {
      throw reader.unsupported('moeFlags', 'experts in all layers but the first');
    }
    return (layer) => layer >= first;
  }
  const layers = reader.read('layers', count);
  if (types.length !== layers) throw reader.invalid('mlpTypes', `there are ${layers} layers`);
  return (layer) => types[layer] === 'sparse';
}

function readAveraged(reader: KeyReader<Quantity>, { shared }: FfnTraits): boolean {
  return (
    shared?.averaged === 'by-config' &&
    reader.read('sharedCombination', z.enum(['sum', 'average'])) === 'average'
  );
}

function readSharedWidth(
  reader: KeyReader<Quantity>,
  { shared }: FfnTraits,
  expertWidth: number,
): number | null {
  if (shared === null) return null;
  if (!reader.reads('shared')) return expertWidth;
  const size = reader.read('shared', index);
  return shared.unit === 'channels' ? size : size * expertWidth;
}

/** Throws `CONFIG_UNSUPPORTED` for a function that is not implemented. */
function readActivation(reader: KeyReader<Quantity>, clamp: FfnTraits['clamp']): GatedActivation {
  if (clamp) {
    const told = reader.read('gateLimit', z.number());
    if (told !== clamp.limit) {
      reader.warn(
        'gateLimit',
        `${told} is ignored: the limit is ${clamp.limit}, as in transformers. Other programs, such as vLLM, use it.`,
      );
    }
    return { kind: 'clamped-swiglu', ...clamp };
  }
  return readPlainActivation(reader, 'activation');
}
