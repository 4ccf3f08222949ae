import type { GatedActivation } from '@moepress/core';
import { z } from 'zod';
import type { ArchitectureManifest, FfnTraits } from '../architectures/manifest.js';
import type { JsonObject } from '../folder/json.js';
import { ConfigReader, count, index } from './reader.js';

export interface FfnConfig {
  /** Intermediate size of a routed expert; 0 in a dense family. */
  readonly expertWidth: number;
  /** Of a dense layer. */
  readonly denseWidth: number;
  /** Of the shared expert; null without one. */
  readonly sharedWidth: number | null;
  /** By layer: whether it has experts. */
  readonly moe: readonly boolean[];
  readonly activation: GatedActivation;
}

/** Throws `CONFIG_INVALID`. */
export function readFfn(
  reader: ConfigReader,
  { keys, ffn }: ArchitectureManifest,
  layers: number,
  experts: number,
): FfnConfig {
  const expertWidth = keys ? reader.read(keys.expertWidth, count) : 0;
  const hasExperts = readLayerRule(reader, ffn.dense);
  return {
    expertWidth,
    denseWidth: ffn.dense === 'none' ? expertWidth : reader.read('intermediate_size', count),
    sharedWidth: readSharedWidth(reader, ffn, expertWidth),
    moe: Array.from({ length: layers }, (_, layer) => experts > 0 && hasExperts(layer)),
    activation: readActivation(reader, ffn),
  };
}

/** Layers that a family's config.json makes dense. Throws `CONFIG_INVALID`. */
export function denseLayers(raw: JsonObject, { ffn }: ArchitectureManifest, layers: number): number[] {
  const hasExperts = readLayerRule(new ConfigReader(raw, 'config.json'), ffn.dense);
  return Array.from({ length: layers }, (_, layer) => layer).filter((layer) => !hasExperts(layer));
}

function readLayerRule(reader: ConfigReader, rule: FfnTraits['dense']): (layer: number) => boolean {
  if (rule === 'none') return () => true;
  if (rule === 'all') return () => false;
  if (rule === 'prefix') {
    const first = reader.readOr('first_k_dense_replace', index, 0);
    const step = reader.readOr('moe_layer_freq', count, 1);
    return (layer) => layer >= first && layer % step === 0;
  }
  const dense = new Set(reader.readOr('mlp_only_layers', z.array(index), []));
  const step = reader.readOr('decoder_sparse_step', count, 1);
  return (layer) => !dense.has(layer) && (layer + 1) % step === 0;
}

function readSharedWidth(reader: ConfigReader, { shared }: FfnTraits, expertWidth: number): number | null {
  if (shared === null) return null;
  if (shared.unit === 'channels') return reader.read(shared.key, count);
  return reader.readOr(shared.key, index, 0) * expertWidth || null;
}

function readActivation(reader: ConfigReader, { clamp }: FfnTraits): GatedActivation {
  if (clamp === null) return { kind: 'swiglu' };
  const limit = reader.readOr(clamp.limit.key, z.number().positive(), clamp.limit.default);
  return { kind: 'clamped-swiglu', alpha: clamp.alpha, limit };
}
