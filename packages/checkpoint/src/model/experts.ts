import type { Expert, MoeFfn } from '@moepress/core';
import { type CompactRecord, invalidCompact } from './compact.js';

type Experts = Pick<MoeFfn, 'slots' | 'pool'>;

/** Takes expert `number` of the `count` stored under `layer`, which was `index` in the original checkpoint. */
type TakeExpert = (layer: number, number: number, count: number, index: number) => Expert;

/** Every slot has an expert of its own. */
export function stockExperts(layer: number, experts: number, take: TakeExpert): Experts {
  const slots = Array.from({ length: experts }, (_, index) => index);
  return { slots, pool: slots.map((index) => take(layer, index, experts, index)) };
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
  const distinct = new Map(slots.map((ref) => [ref.join('.'), ref]));
  const ordered = [...distinct.values()].sort(([la, ea], [lb, eb]) => la - lb || ea - eb);
  const positions = new Map(ordered.map((ref, position) => [ref.join('.'), position]));
  return {
    slots: slots.map((ref) => positions.get(ref.join('.'))!),
    pool: ordered.map(([from, number]) => {
      const stored = records.get(from)!.experts;
      return take(from, number, stored.length, stored[number]!);
    }),
  };
}
