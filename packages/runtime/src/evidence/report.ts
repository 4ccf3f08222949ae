import type { Statistic } from '@moepress/core';
import { expertHits, gatedOutputNorms } from '@moepress/graph';
import { readLayerFile } from './layer-file.js';
import { layerPath } from './statistic-folder.js';
import type { StoredEvidence } from './store.js';

/** The statistics of a layer's experts; null where they have not been measured. */
export interface MeasuredLayer {
  readonly layer: number;
  /** Tokens routed to each expert. */
  readonly tokens: Float64Array | null;
  /** Sum of the gated norms of each expert's outputs. */
  readonly norms: Float64Array | null;
}

export interface LayerReport {
  readonly layer: number;
  readonly tokens: TokenReport | null;
  /** Where the experts' outputs matter: shares of the gated output norms. */
  readonly capability: CapabilityReport | null;
}

export interface TokenReport {
  readonly min: number;
  readonly median: number;
  readonly max: number;
  /** Experts that saw no token. */
  readonly dead: readonly number[];
  /** Experts that saw fewer tokens than demanded, the dead ones included. */
  readonly scarce: readonly number[];
}

export interface CapabilityReport {
  /** Statistics of all layers together. */
  readonly share: number;
  /** The experts with the largest shares of their layer. */
  readonly top: readonly { readonly expert: number; readonly share: number }[];
}

const topExperts = 3;

/** Describes each layer. `minTokens` is the number below which a measurement says little about an expert. */
export function reportLayers(layers: readonly MeasuredLayer[], minTokens: number): LayerReport[] {
  const total = layers.reduce((sum, { norms }) => sum + sumOf(norms ?? []), 0);
  return layers.map(({ layer, tokens, norms }) => ({
    layer,
    tokens: tokens && reportTokens(tokens, minTokens),
    capability: norms && reportCapability(norms, total),
  }));
}

/** The evidence about the experts of one model on one calibration set. Throws `CHECKPOINT_INVALID`. */
export async function readMeasured(evidence: readonly StoredEvidence[]): Promise<MeasuredLayer[]> {
  const [hits, norms] = await Promise.all([
    readOutput(evidence, expertHits, 'count'),
    readOutput(evidence, gatedOutputNorms, 'sum'),
  ]);
  const ofExperts = evidence.filter(({ record }) => record.statistic.of === 'experts');
  const expected = new Set(ofExperts.flatMap(({ record }) => record.layers.expected));
  return [...expected]
    .sort((a, b) => a - b)
    .map((layer) => ({ layer, tokens: hits.get(layer) ?? null, norms: norms.get(layer) ?? null }));
}

async function readOutput(
  evidence: readonly StoredEvidence[],
  { name, version }: Statistic,
  output: string,
): Promise<Map<number, Float64Array>> {
  const stored = evidence.find(
    ({ record }) => record.statistic.name === name && record.statistic.version === version,
  );
  const values = new Map<number, Float64Array>();
  for (const layer of stored?.record.layers.complete ?? []) {
    const sums = (await readLayerFile(layerPath(stored!.folder, layer))).get(output);
    if (sums) values.set(layer, sums.data);
  }
  return values;
}

function reportTokens(tokens: Float64Array, minTokens: number): TokenReport {
  const sorted = tokens.toSorted();
  const below = (limit: number) => [...tokens.keys()].filter((expert) => tokens[expert]! < limit);
  return {
    min: sorted[0] ?? 0,
    median: sorted[Math.floor(sorted.length / 2)] ?? 0,
    max: sorted.at(-1) ?? 0,
    dead: below(1),
    scarce: below(minTokens),
  };
}

function reportCapability(norms: Float64Array, total: number): CapabilityReport {
  const own = sumOf(norms);
  const shares = [...norms].map((norm, expert) => ({ expert, share: own > 0 ? norm / own : 0 }));
  return {
    share: total > 0 ? own / total : 0,
    top: shares.sort((a, b) => b.share - a.share || a.expert - b.expert).slice(0, topExperts),
  };
}

const sumOf = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0);
