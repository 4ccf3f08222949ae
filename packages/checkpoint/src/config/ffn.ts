import type { GatedActivation } from '@moepress/core';
import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { ArchitectureManifest, FfnTraits } from '../architectures/manifest.js';
import type { JsonObject } from '../folder/json.js';
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
    denseWidth: ffn.dense === 'none' ? expertWidth : reader.read('denseWidth', count),
    sharedWidth: readSharedWidth(reader, ffn, expertWidth),
    moe: Array.from({ length: layers }, (_, layer) => experts > 0 && hasExperts(layer)),
    averaged: readAveraged(reader, ffn),
    activation: readActivation(reader, ffn.clamp),
    bias: reader.reads('mlpBias') && reader.read('mlpBias', z.boolean()),
  };
}

/** Layers that a family's config.json makes dense. Throws `CONFIG_INVALID`. */
export function denseLayers(config: JsonObject, manifest: ArchitectureManifest, layers: number): number[] {
  const { keys, ffn } = manifest;
  const raw = textConfig(config, manifest, 'config.json');
  const hasExperts = readLayerRule(new KeyReader<Quantity>(raw, keys, 'config.json'), ffn.dense);
  return Array.from({ length: layers }, (_, layer) => layer).filter((layer) => !hasExperts(layer));
}

function readLayerRule(reader: KeyReader<Quantity>, rule: FfnTraits['dense']): (layer: number) => boolean {
  if (rule === 'none') return () => true;
  if (rule === 'all') return () => false;
  if (rule === 'mlp-only-layers') {
    const dense = new Set(reader.read('denseLayers', z.array(z.int())));
    const step = reader.read('moeEvery', count);
    return (layer) => !dense.has(layer) && (layer + 1) % step === 0;
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

/** Activations by their names in `ACT2FN` of transformers 5.18; several names stand for one function. */
const activations: Readonly<Record<string, GatedActivation>> = {
  silu: { kind: 'swiglu' },
  swish: { kind: 'swiglu' },
  gelu: { kind: 'geglu', approximate: 'none' },
  gelu_python: { kind: 'geglu', approximate: 'none' },
  gelu_pytorch_tanh: { kind: 'geglu', approximate: 'tanh' },
  gelu_python_tanh: { kind: 'geglu', approximate: 'tanh' },
  gelu_new: { kind: 'geglu', approximate: 'tanh' },
  gelu_fast: { kind: 'geglu', approximate: 'tanh' },
  gelu_accurate: { kind: 'geglu', approximate: 'tanh' },
  quick_gelu: { kind: 'geglu', approximate: 'sigmoid' },
  relu: { kind: 'reglu', power: 1 },
  relu2: { kind: 'reglu', power: 2 },
};

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
  const name = reader.read('activation', z.string());
  if (!Object.hasOwn(activations, name)) {
    throw reader.unsupported('activation', `one of ${Object.keys(activations).join(', ')}`);
  }
  return activations[name]!;
}
