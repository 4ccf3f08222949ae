import { type CompactLayer, type CompactRecord, compactFormat } from '@moepress/checkpoint';
import { distinctExperts, type Expert, type Model, moeBlocks } from '@moepress/core';
import type { RouterSettings } from './router-settings.js';

/** The experts stored under each layer; their positions are the numbers in the names of their tensors. */
export type Placement = ReadonlyMap<number, readonly Expert[]>;

/** Every slot has separate tensors, which are copies where slots share an expert. */
export function placeBySlot(model: Model): Placement {
  return new Map(
    moeBlocks(model).map(({ index, ffn }) => [index, ffn.slots.map((position) => ffn.pool[position]!)]),
  );
}

/** Every expert is stored once, under the layer it came from, with consecutive numbers. */
export function placeByOrigin(model: Model): Placement {
  const experts = new Map<number, Expert[]>();
  for (const expert of distinctExperts(model)) {
    const { layer } = expert.origin;
    experts.set(layer, [...(experts.get(layer) ?? []), expert]);
  }
  return experts;
}

/**
 * The entries of config.json for experts placed by origin; `ragged`: with the width of each. `ofLayers` are the settings
 * that layers have otherwise than config.json says for all.
 */
export function compactRecord(
  model: Model,
  placement: Placement,
  { ragged, ofLayers }: { readonly ragged: boolean; readonly ofLayers: RouterSettings['ofLayers'] },
): CompactRecord {
  const numberOf = ({ origin }: Expert) =>
    placement.get(origin.layer)!.findIndex((expert) => expert.origin.index === origin.index);
  const layers = moeBlocks(model).map(({ index: layer, ffn }): CompactLayer => {
    const references = ffn.pool.map((expert): [number, number] => [expert.origin.layer, numberOf(expert)]);
    const stored = placement.get(layer) ?? [];
    return {
      layer,
      experts: stored.map(({ origin }) => origin.index),
      ...(ragged && { widths: stored.map(({ width }) => width) }),
      ...constantsOf(stored),
      slots: ffn.slots.map((position) => references[position]!),
      ...(ofLayers.has(layer) && { config: { ...ofLayers.get(layer) } }),
    };
  });
  return { format: compactFormat, base_architecture: model.architecture, layers };
}

/** The numbers of experts that yield a constant, if there are such, which readers tell by no tensor. */
function constantsOf(stored: readonly Expert[]): Pick<CompactLayer, 'constants'> {
  const constants = [...stored.keys()].filter((number) => isConstant(stored[number]!));
  return constants.length > 0 ? { constants } : {};
}

/** Whether all that is left of an expert is the bias of its output. */
export const isConstant = ({ width, bias }: Expert): boolean => width === 0 && bias !== null;

/** Whether some expert serves more than one slot, so that storing it once saves anything. */
export function sharesExperts(model: Model): boolean {
  const slots = moeBlocks(model).reduce((sum, { ffn }) => sum + ffn.slots.length, 0);
  return distinctExperts(model).length < slots;
}
