import { z } from 'zod';
import { listOf } from '../../bounded-lists.js';
import { MoepressError } from '../../errors/error.js';
import { combineMlps, withBias } from '../../model/mlp.js';
import type { DenseFfn, Mlp, MoeFfn } from '../../model/model.js';
import { concat, scale, type TensorExpr, weightedSum, zeros } from '../../tensor/expr.js';
import { defineOperation, index, invalid, moeOf, some } from './operation.js';

const schema = z.strictObject({
  op: z.literal('condense'),
  /** Parts of a dense FFN: each is a weighted average of the experts of some slots, times a constant. */
  parts: listOf(
    z
      .strictObject({
        experts: some(index),
        /** One weight for each expert; 1 for a single expert that is not averaged. */
        shares: some(z.number()),
        scale: z.number(),
      })
      .refine(({ experts, shares }) => experts.length === shares.length, 'needs one share for each expert'),
  ),
  /** The constant that replaces the gate of a shared expert; null leaves shared experts unchanged. */
  shared: z.number().nullable().default(null),
  /** The width is filled with zeros up to a multiple of this. */
  align: z.int().positive().max(4096).default(1),
});

export type CondenseOp = z.infer<typeof schema>;

/** One dense FFN replaces router and experts; only keep-channels may follow this operation. */
export const condense = defineOperation({
  schema,
  apply(block, op, context) {
    const ffn = moeOf(block, context);
    if (!block.norms.parts) return { ...block, ffn: asDense(ffn, op, context.where) };
    throw new MoepressError('CONFIG_UNSUPPORTED', {
      message: 'Its routed experts and its dense MLP have norms of their own, and cannot become one FFN.',
      where: context.where,
      hint: 'Choose a method that keeps the router.',
    });
  },
});

/**
 * An MoE FFN as one dense FFN that computes Σ scale · part(x) + shared(x), with all parts on every token: their
 * channels are concatenated and the scales folded into the down projections. A shared expert is included, unless it
 * keeps its gate, which depends on the token: then it stays separate. Throws `PLAN_INVALID` for slots that do not
 * exist and experts that cannot be combined.
 */
function asDense(ffn: MoeFfn, { parts, shared, align }: CondenseOp, where: string): DenseFfn {
  if (ffn.latent) {
    throw invalid(
      'Its experts see a narrower space than the hidden states, which one dense FFN would not',
      where,
    );
  }
  checkCounts(ffn, parts, where);
  const scaled = parts.map(({ experts, shares, scale }) => ({
    mlp: mixed(ffn, experts, shares, where),
    scale,
  }));
  const { joins, beside } = splitShared(ffn, shared, where);
  const all = sameBiases([...joins, ...scaled]);
  const mlps = all.map(({ mlp }) => mlp);
  const [first] = mlps;
  if (!first) return { kind: 'dense', mlp: withoutChannels(ffn.pool[0]!), shared: beside };
  if (mlps.some((mlp) => !fits(mlp, first))) {
    throw invalid('Its shared expert and the routed ones differ in activation', where);
  }
  const width = mlps.reduce((sum, mlp) => sum + mlp.width, 0);
  const padding = Math.ceil(width / align) * align - width;
  const share = ffn.shared?.averaged ? 0.5 : 1;
  const scales = all.map((part) => part.scale * share);
  const mlp = combineMlps(mlps, width + padding, {
    rows: (parts) => padded(concat(parts, 0), 0, padding),
    cols: (parts) =>
      padded(
        concat(
          parts.map((down, i) => scale(down, scales[i]!)),
          1,
        ),
        1,
        padding,
      ),
    outputBias: (parts) => weightedSum(parts, scales),
  });
  return { kind: 'dense', mlp, shared: beside };
}

/** Checked before the channels are concatenated: with more parts than slots an expert would be included twice. */
function checkCounts({ slots }: MoeFfn, parts: CondenseOp['parts'], where: string): void {
  const most = parts.reduce((longest, { experts }) => Math.max(longest, experts.length), parts.length);
  if (most > slots.length) {
    throw invalid(
      `It lists ${most} where there are ${slots.length} experts; scales and shares add up`,
      where,
    );
  }
}

/** The experts of some slots, averaged weight by weight: Σ shareᵢ Wᵢ. */
function mixed(ffn: MoeFfn, slots: readonly number[], shares: readonly number[], where: string): Mlp {
  const outside = slots.find((slot) => slot >= ffn.slots.length);
  if (outside !== undefined) throw invalid(`There is no expert ${outside}`, where);
  const experts = slots.map((slot) => ffn.pool[ffn.slots[slot]!]!);
  const [first] = experts;
  if (experts.some((expert) => expert.width !== first!.width)) {
    throw invalid('Experts of different widths cannot be averaged', where);
  }
  const mean = (parts: readonly TensorExpr[]) => weightedSum(parts, shares);
  return combineMlps(experts, first!.width, { rows: mean, cols: mean, outputBias: mean });
}

/** `by` is a constant that replaces the gate of a shared expert; null keeps the gate. */
function splitShared({ shared }: MoeFfn, by: number | null, where: string) {
  if (!shared) {
    if (by !== null) throw invalid('There is no shared expert to scale', where);
    return { joins: [], beside: null };
  }
  if (!shared.gate && by !== null) throw invalid('The shared expert has no gate to replace', where);
  if (shared.gate && by === null) return { joins: [], beside: shared };
  return { joins: [{ mlp: shared.mlp, scale: by ?? 1 }], beside: null };
}

const fits = (a: Mlp, b: Mlp): boolean => JSON.stringify(a.activation) === JSON.stringify(b.activation);

/** Where some of the parts have biases, as shared experts may, the others get biases of zero. */
function sameBiases<Part extends { readonly mlp: Mlp }>(parts: readonly Part[]): readonly Part[] {
  const biased = parts.find(({ mlp }) => mlp.bias);
  if (!biased) return parts;
  const { dtype } = biased.mlp.bias!.down;
  return parts.map((part) => ({ ...part, mlp: withBias(part.mlp, dtype) }));
}

/** A dense FFN of width 0, which adds nothing: all experts of the layer are removed. */
function withoutChannels(mlp: Mlp): Mlp {
  const empty = ([tensor]: readonly TensorExpr[], axis: 0 | 1) =>
    zeros(tensor!.dtype, tensor!.shape.with(axis, 0));
  return combineMlps([mlp], 0, {
    rows: (parts) => empty(parts, 0),
    cols: (parts) => empty(parts, 1),
    outputBias: ([bias]) => zeros(bias!.dtype, bias!.shape),
  });
}

function padded(tensor: TensorExpr, axis: 0 | 1, by: number): TensorExpr {
  if (by === 0) return tensor;
  return concat([tensor, zeros(tensor.dtype, tensor.shape.with(axis, by))], axis);
}
