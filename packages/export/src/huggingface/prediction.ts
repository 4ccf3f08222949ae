import {
  type ArchitectureManifest,
  exprEntry,
  findArchitecture,
  quantityOf,
  type TensorEntry,
  textConfig,
} from '@moepress/checkpoint';
import { type Model, MoepressError, moeBlocks, rows, type StoredTensor } from '@moepress/core';
import { storedEntry } from './carried-entry.js';
import type { Arrangement } from './layout.js';

/** What becomes of the layers that predict further tokens: kept with the tensors that they have, or dropped. */
export type PredictionChoice = (typeof predictionChoices)[number];

export const predictionChoices = ['keep', 'drop'] as const;

/** What became of them. */
export interface PredictionLayers {
  /** `none` where the original has no such tensors. */
  readonly outcome: 'none' | 'kept' | 'dropped';
  /** Tensors that they have in the original. */
  readonly tensors: number;
  /** Why they could not be kept; null where they were, or were not to be. */
  readonly reason: string | null;
}

export interface WrittenPrediction extends PredictionLayers {
  readonly entries: readonly TensorEntry[];
}

/**
 * Settles what is written of the layers that predict further tokens (multi-token prediction, arXiv 2404.19737). They have
 * no part in a model's own outputs, but experts and a router of the sizes that config.json has for all layers. They are
 * kept as they are where these sizes stay; where experts went from the last layer with experts, the experts of the same
 * numbers go from them. By default they are dropped where neither can be done; `wanted` is `keep` to refuse that.
 * Throws `CONFIG_UNSUPPORTED`.
 */
export function writtenPrediction(
  arrangement: Arrangement,
  { wanted, quantised }: { readonly wanted: PredictionChoice | undefined; readonly quantised: boolean },
): WrittenPrediction {
  const { model } = arrangement;
  const stored = predictionTensors(model);
  const tensors = stored.length;
  const dropped = (reason: string | null): WrittenPrediction => ({
    outcome: 'dropped',
    tensors,
    reason,
    entries: [],
  });
  if (tensors === 0) return { outcome: 'none', tensors, reason: null, entries: [] };
  if (wanted === 'drop') return dropped(null);
  const reason = obstacle(arrangement, quantised);
  const kept = reason === null ? keptExperts(arrangement) : null;
  const entries =
    kept === 'all' ? stored.map((tensor) => storedEntry(tensor)) : kept && selected(stored, kept, model);
  if (entries) return { outcome: 'kept', tensors, reason: null, entries };
  const told = reason ?? 'what the plan does to the last layer with experts cannot be done to them';
  if (wanted !== 'keep') return dropped(told);
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `The layers that predict further tokens cannot be kept: ${told}.`,
    where: model.source.directory,
    hint: 'Drop them: --mtp drop.',
  });
}

/** The tensors of layers that predict further tokens, among those that no part of the model reads. */
export function predictionTensors({ source, config, architecture, id }: Model): StoredTensor[] {
  const { predictionPrefixes = [] } = findArchitecture(architecture, id);
  return source.unread.filter(({ name }) => {
    const layer = /^model\.layers\.(\d+)\./.exec(name)?.[1];
    if (layer !== undefined) return Number(layer) >= config.layers;
    return predictionPrefixes.some((prefix) => name.startsWith(prefix));
  });
}

function obstacle(arrangement: Arrangement, quantised: boolean): string | null {
  const { model, manifest, form, width, config, routers } = arrangement;
  if (manifest.modelType !== model.architecture)
    return `the model becomes one of the family ${manifest.modelType}`;
  if (form.kind === 'flat') return 'the layout less-is-moe has no place for them';
  if (!quantised && quantityOf(config, manifest, 'quantisation') !== null)
    return 'weights are no longer quantised';
  if (routers.ofLayers.size > 0) return 'the routers of the other layers differ';
  if (routers.common.topK !== undefined) return 'the other layers select another number of experts';
  const narrower = width !== null && width !== quantityOf(config, manifest, 'expertWidth');
  return narrower ? 'the experts of the other layers became narrower' : null;
}

/** The experts that are left in the last layer, by their numbers in the original; null if it has lost none of its own by dropping. */
function keptExperts({ model, manifest, config }: Arrangement): readonly number[] | 'all' | null {
  const last = moeBlocks(model).at(-1);
  if (!last || last.ffn.slots.length === quantityOf(config, manifest, 'experts')) return 'all';
  const { slots, pool } = last.ffn;
  const origins = slots.map((slot) => pool[slot]!.origin);
  const own = origins.filter(({ layer }) => layer === last.index).map(({ index }) => index);
  return new Set(own).size === slots.length ? own : null;
}

/**
 * The layer with only the experts of these numbers, renumbered, and their rows of the router; null if they are stored
 * in another way.
 */
function selected(
  stored: readonly StoredTensor[],
  kept: readonly number[],
  model: Model,
): TensorEntry[] | null {
  const { router, selectionBias } = findArchitecture(model.architecture, model.id).tensors;
  const ofRouter = [`${router}.weight`, `${router}.bias`, selectionBias].map(
    (name) => name.split('{layer}')[1]!,
  );
  const entries: TensorEntry[] = [];
  for (const tensor of stored) {
    const [, before, expert, after] = /^(.*\.experts\.)(\d+)(\..*)$/.exec(tensor.name) ?? [];
    if (expert !== undefined) {
      const number = kept.indexOf(Number(expert));
      if (number >= 0) entries.push(storedEntry(tensor, `${before}${number}${after}`));
    } else if (ofRouter.some((suffix) => tensor.name.endsWith(suffix))) {
      if (kept.some((row) => row >= tensor.shape[0]!)) return null;
      entries.push(exprEntry(tensor.name, rows(tensor, kept)));
    } else if (tensor.name.includes('.experts.')) {
      return null;
    } else {
      entries.push(storedEntry(tensor));
    }
  }
  return entries;
}

/** The key of config.json that counts them, where it has to change. */
export function predictionChanges(
  { outcome }: PredictionLayers,
  manifest: ArchitectureManifest,
  original: Readonly<Record<string, unknown>>,
): { furtherLayers?: number } {
  const names = manifest.keys.furtherLayers?.names ?? [];
  const text = textConfig(original, manifest, 'config.json');
  const told = names.some((name) => text[name]);
  if (names.length === 0 || outcome === 'kept') return {};
  return told || outcome === 'dropped' ? { furtherLayers: 0 } : {};
}

/** A line that says what became of them; null without any. */
export function describePrediction({ outcome, tensors, reason }: PredictionLayers): string | null {
  if (outcome === 'none') return null;
  const count = `${tensors} tensors`;
  if (outcome === 'kept') return `kept (${count})`;
  return reason === null ? `dropped (${count})` : `dropped (${count}), because ${reason}`;
}
