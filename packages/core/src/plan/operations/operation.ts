import { z } from 'zod';
import { listOf } from '../../bounded-lists.js';
import { MoepressError } from '../../errors/error.js';
import type { Block, DenseFfn, Expert, MoeFfn } from '../../model/model.js';

/** What an operation is applied within. */
export interface OperationContext {
  /** The layer before any operation of the plan. */
  readonly base: Block;
  /** All layers before any operation of the plan. */
  readonly blocks: readonly Block[];
  /** The experts of all layers before any operation of the plan, by the index of the layer. */
  readonly pools: ReadonlyMap<number, readonly Expert[]>;
  /** For messages: the plan, the layer and the operation. */
  readonly where: string;
}

/** An object of a plan that says with `op` which operation it is. */
type OperationSchema = z.ZodObject<{ op: z.ZodLiteral<string> }>;

/**
 * One kind of change that a plan makes in a layer: what may be written in a plan, and what becomes of the layer. All that
 * moepress knows of an operation is this object and its line in `operations/index.ts`; runtime and writers see the changed
 * layer alone.
 */
export interface Operation<Schema extends OperationSchema = OperationSchema> {
  /** Checks what an untrusted plan says. */
  readonly schema: Schema;
  /** Whether experts themselves become others, so that no other layer may use them. */
  readonly changesExperts?: true;
  /**
   * The changed layer; `block` is what earlier operations left of it. Throws `PLAN_INVALID` for references outside the
   * layer, `CONFIG_UNSUPPORTED` for what the layer's mathematics does not allow, and `RATIO_TOO_HIGH`.
   */
  apply(block: Block, op: z.output<Schema>, context: OperationContext): Block;
}

/** An operation with the types of its schema. */
export const defineOperation = <Schema extends OperationSchema>(operation: Operation<Schema>) => operation;

/** Index of a layer, a slot or an expert. */
export const index = z.int().nonnegative();

/** A list that is not empty. */
export const some = <Item extends z.ZodType>(item: Item) =>
  listOf(item).refine((items) => items.length > 0, 'must not be empty');

/** The error for a plan that does not fit the model; `problem` is a sentence without its full stop. */
export function invalid(problem: string, where: string): MoepressError {
  return new MoepressError('PLAN_INVALID', { message: `${problem}.`, where });
}

/** What is left of a layer's FFN. Throws `PLAN_INVALID` if it has none. */
export function ffnOf({ index, ffn }: Block, { where }: OperationContext): DenseFfn | MoeFfn {
  if (ffn.kind === 'none') throw invalid(`Layer ${index} has no FFN`, where);
  return ffn;
}

/** The FFN of a layer with experts. Throws `PLAN_INVALID` if it has none, or has them no longer. */
export function moeOf(block: Block, context: OperationContext): MoeFfn {
  const { base, where } = context;
  const ffn = ffnOf(block, context);
  if (base.ffn.kind !== 'moe') throw invalid(`Layer ${block.index} has no experts`, where);
  if (ffn.kind === 'dense') throw invalid('Only keep-channels can follow condense', where);
  return ffn;
}

/** Throws `PLAN_INVALID` unless each number is one of a slot, and none occurs twice. */
export function checkSlots(slots: readonly number[], { slots: all }: MoeFfn, where: string): void {
  if (new Set(slots).size !== slots.length) throw invalid('An expert is listed twice', where);
  const outside = slots.find((slot) => slot >= all.length);
  if (outside !== undefined) throw invalid(`There is no expert ${outside}`, where);
}

/** The same for experts, which are named by slots: throws `PLAN_INVALID` where two slots share one, too. */
export function checkExperts(slots: readonly number[], ffn: MoeFfn, where: string): void {
  checkSlots(slots, ffn, where);
  if (new Set(slots.map((slot) => ffn.slots[slot])).size === slots.length) return;
  throw invalid('Two of its slots share an expert, which would be listed twice', where);
}
