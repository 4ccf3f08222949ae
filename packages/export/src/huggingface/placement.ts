import { type CompactLayer, type CompactRecord, compactFormat } from '@moepress/checkpoint';
import { distinctExperts, type Expert, type Model, moeBlocks } from '@moepress/core';

/** Under which layer and number each expert's tensors are stored. */
export interface Placement {
  /** By layer; an expert's position is the number in the names of its tensors. */
  readonly experts: ReadonlyMap<number, readonly Expert[]>;
  /** What config.json must say about it; null for the stock layout, where slot i uses expert i. */
  readonly record: CompactRecord | null;
}

/** Stock: every slot has tensors of its own, copies where slots share an expert. */
export function placeBySlot(model: Model): Placement {
  const layers = moeBlocks(model).map(
    ({ index, ffn }) => [index, ffn.slots.map((position) => ffn.pool[position]!)] as const,
  );
  return { experts: new Map(layers), record: null };
}

/** Compact: every expert once, under the layer it came from, with numbers that leave no gaps. */
export function placeByOrigin(model: Model): Placement {
  const experts = new Map<number, Expert[]>();
  for (const expert of distinctExperts(model)) {
    const { layer } = expert.origin;
    experts.set(layer, [...(experts.get(layer) ?? []), expert]);
  }
  const numberOf = ({ origin }: Expert) =>
    experts.get(origin.layer)!.findIndex((expert) => expert.origin.index === origin.index);
  const layers = moeBlocks(model).map(({ index: layer, ffn }): CompactLayer => {
    const references = ffn.pool.map((expert): [number, number] => [expert.origin.layer, numberOf(expert)]);
    return {
      layer,
      experts: (experts.get(layer) ?? []).map(({ origin }) => origin.index),
      slots: ffn.slots.map((position) => references[position]!),
    };
  });
  return { experts, record: { format: compactFormat, base_architecture: model.architecture, layers } };
}

/** Whether some expert serves more than one slot, so that storing it once saves anything. */
export function sharesExperts(model: Model): boolean {
  const slots = moeBlocks(model).reduce((sum, { ffn }) => sum + ffn.slots.length, 0);
  return distinctExperts(model).length < slots;
}
