import type { MoeFfn } from './model.js';

/** Index of a decoder layer, and of an expert in it. */
export type ExpertRef = readonly [layer: number, index: number];

/** The distinct experts that slots use, and the index of each slot's expert among them. */
export interface IndexedExperts {
  /** Sorted by layer and index. */
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

/** The first slot of each expert of the pool: plans name slots, and slots that share an expert are equivalent. */
export function firstSlots({ slots, pool }: MoeFfn): number[] {
  return pool.map((_, expert) => slots.indexOf(expert));
}
