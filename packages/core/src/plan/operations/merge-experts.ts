import { z } from 'zod';
import { combineMlps } from '../../model/mlp.js';
import type { Expert, MoeFfn } from '../../model/model.js';
import { cols, rows, type TensorExpr, weightedSum } from '../../tensor/expr.js';
import { checkExperts, defineOperation, index, invalid, moeOf, some } from './operation.js';
import { decodeIndices } from './packed-indices.js';
import { checkSharing } from './remap-slots.js';

const group = z
  .strictObject({
    /** Slots, each with an expert of its own. */
    experts: some(index),
    /** One for each expert. */
    weights: some(z.number()),
    /**
     * For each expert the channel of it that becomes channel i of the sum (`encodeIndices`), or null: channel i. Absent:
     * null for all.
     */
    permutations: some(z.base64().nullable()).optional(),
  })
  .refine(({ experts, weights }) => experts.length === weights.length, 'needs one weight for each expert')
  .refine(
    ({ experts, permutations }) => !permutations || permutations.length === experts.length,
    'needs one permutation for each expert, or none',
  );

/**
 * The experts of each group become one, whose weights are the weighted sums of theirs, after the channels of each were put
 * in an order. Every slot that used one of them uses that one; the router stays as it is. The new expert counts as the first
 * of its group.
 */
export const mergeExperts = defineOperation({
  schema: z.strictObject({ op: z.literal('merge-experts'), groups: some(group) }),
  changesExperts: true,
  apply(block, { groups }, context) {
    const ffn = merged(moeOf(block, context), groups, context.where);
    checkSharing(ffn, context.where);
    return { ...block, ffn };
  },
});

type Group = z.infer<typeof group>;

function merged(ffn: MoeFfn, groups: readonly Group[], where: string): MoeFfn {
  checkExperts(
    groups.flatMap(({ experts }) => experts),
    ffn,
    where,
  );
  /** The expert that each expert of the pool becomes. */
  const became = new Map<Expert, Expert>();
  for (const own of groups) {
    const experts = own.experts.map((slot) => ffn.pool[ffn.slots[slot]!]!);
    const sum = sumOf(experts, own, where);
    for (const expert of experts) became.set(expert, sum);
  }
  const places = ffn.pool.map((expert) => became.get(expert) ?? expert);
  const pool = [...new Set(places)];
  return { ...ffn, pool, slots: ffn.slots.map((entry) => pool.indexOf(places[entry]!)) };
}

/** Σ weightᵢ · expertᵢ, matrix by matrix, with the channels of each in the order given. */
function sumOf(experts: readonly Expert[], { weights, permutations }: Group, where: string): Expert {
  const [first] = experts as readonly [Expert];
  if (experts.some(({ width }) => width !== first.width)) {
    throw invalid('Experts of different widths cannot be merged', where);
  }
  if (experts.some(({ bias }) => (bias === null) !== (first.bias === null))) {
    throw invalid('Experts with biases and without cannot be merged', where);
  }
  const orders = experts.map((_, i) => orderOf(permutations?.[i] ?? null, first.width, where));
  const of = (tensors: readonly TensorExpr[], select: typeof rows) =>
    weightedSum(
      tensors.map((tensor, i) => (orders[i] ? select(tensor, orders[i]) : tensor)),
      weights,
    );
  const { origin } = first;
  return {
    ...combineMlps(experts, first.width, {
      rows: (tensors) => of(tensors, rows),
      cols: (tensors) => of(tensors, cols),
      outputBias: (tensors) => weightedSum(tensors, weights),
    }),
    origin,
  };
}

function orderOf(packed: string | null, width: number, where: string): number[] | null {
  if (packed === null) return null;
  const order = decodeIndices(packed, where);
  const isPermutation =
    order.length === width && new Set(order).size === width && order.every((i) => i < width);
  if (isPermutation) return order;
  throw invalid(`A permutation of ${width} channels must name each of them once`, where);
}
