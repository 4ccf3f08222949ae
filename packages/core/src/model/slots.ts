import type { MoeFfn } from './model.js';

/** Decoder layer, and index of an expert in it. */
export type ExpertRef = readonly [layer: number, index: number];

/** Experts that slots use, each once, and where among them each slot's expert stands. */
export interface IndexedExperts {
  /** In the order of layer and index. */
  readonly experts: readonly ExpertRef[];
  readonly slots: readonly number[];
}

/** Finds the distinct experts among those that slots name. */
export function indexExperts(slots: readonly ExpertRef[]): IndexedExperts {
  const distinct = new Map(slots.map((ref) => [ref.join('.'), ref]));
  const experts = [...distinct.values()].sort(([la, ea], [lb, eb]) => la - lb || ea - eb);
  const places = new Map(experts.map((ref, place) => [ref.join('.'), place]));
  return { experts, slots: slots.map((ref) => places.get(ref.join('.'))!) };
}

/** The first slot of each expert of the pool: a plan speaks of slots, and those that share an expert are alike. */
export function firstSlots({ slots, pool }: MoeFfn): number[] {
  return pool.map((_, expert) => slots.indexOf(expert));
}
