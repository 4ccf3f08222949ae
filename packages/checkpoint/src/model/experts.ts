import { type Expert, indexExperts, type MoeFfn } from '@moepress/core';
import { type CompactRecord, invalidCompact } from './compact.js';

type Experts = Pick<MoeFfn, 'slots' | 'pool'>;

/** Where an expert is stored. */
export interface StoredExpert {
  readonly layer: number;
  /** Among the `count` stored under that layer. */
  readonly number: number;
  readonly count: number;
  /** In the original checkpoint. */
  readonly index: number;
  /** Its own; null where config.json says one for all. */
  readonly width: number | null;
}

type TakeExpert = (stored: StoredExpert) => Expert;

/** Every slot has an expert of its own. */
export function stockExperts(layer: number, experts: number, take: TakeExpert): Experts {
  const slots = Array.from({ length: experts }, (_, index) => index);
  const pool = slots.map((index) => take({ layer, number: index, count: experts, index, width: null }));
  return { slots, pool };
}

/** The pool holds the experts that the slots name, in the order of layer and index. */
export function compactExperts(
  layer: number,
  experts: number,
  compact: CompactRecord,
  take: TakeExpert,
): Experts {
  const records = new Map(compact.layers.map((record) => [record.layer, record]));
  const slots = records.get(layer)?.slots;
  if (slots?.length !== experts) {
    throw invalidCompact(
      `layer ${layer} has ${slots?.length ?? 0} slots, its router ${experts}`,
      'config.json',
    );
  }
  const indexed = indexExperts(slots);
  return {
    slots: indexed.slots,
    pool: indexed.experts.map(([from, number]) => {
      const { experts: stored, widths } = records.get(from)!;
      const width = widths?.[number] ?? null;
      return take({ layer: from, number, count: stored.length, index: stored[number]!, width });
    }),
  };
}
