import { z } from 'zod';
import { listOf } from '../bounded-lists.js';
import { calibrationRecordSchema } from '../evidence/calibration.js';

const index = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal');

/** [decoder layer, expert index] in the base model. */
const expertRef = z.tuple([index, index]);

/** A list that is not empty. */
const some = <Item extends z.ZodType>(item: Item) =>
  listOf(item).refine((items) => items.length > 0, 'must not be empty');

const condenseOp = z.strictObject({
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

const layerOp = z.discriminatedUnion('op', [
  /**
   * Only these experts stay; the others' router rows go with them. A router that selects within groups of experts keeps
   * as many of each, unless it is `ungrouped`: then it selects among all that stay.
   */
  z.strictObject({
    op: z.literal('keep-experts'),
    experts: some(index),
    ungrouped: z.literal(true).optional(),
  }),
  /** Slot i computes with the named expert; the router stays as it is. */
  z.strictObject({ op: z.literal('remap-slots'), slots: some(expertRef) }),
  /** Expert i of the layer keeps the channels of mask i (`decodeChannels`): it becomes narrower. A dense FFN has one mask. */
  z.strictObject({ op: z.literal('keep-channels'), channels: some(z.base64()) }),
  /** One dense FFN replaces router and experts; only keep-channels may follow this operation. */
  condenseOp,
]);

/** The most operations for one layer: more could not change anything. */
const maxOps = 8;

const layerPlan = z.strictObject({ layer: index, ops: z.array(layerOp).min(1).max(maxOps) });

/** The layers of a plan. */
export const layersSchema = listOf(layerPlan);

/**
 * The tensors that were trained after the layers' changes: a safetensors file next to the plan, with tensors named by
 * their paths.
 */
const learned = z.strictObject({
  /** Name of the file, which is in the same folder as the plan. */
  file: z.string().regex(/^[\w.-]+\.safetensors$/, 'must be the name of a safetensors file'),
  sha256,
  tensors: z.int().positive(),
  refiner: z.strictObject({ name: z.string(), package: z.string(), version: z.string() }),
  options: z.record(z.string(), z.json()),
  /** What it was trained on. */
  data: calibrationRecordSchema,
});

/** A plan file: a few kilobytes that turn one published checkpoint into another model. */
export const planSchema = z.strictObject({
  format: z.literal('moepress-plan'),
  version: z.literal(1, 'this moepress reads plans of version 1'),
  base: z.strictObject({
    id: z.string(),
    revision: z.string().nullable(),
    architecture: z.string(),
    /** SHA-256 over the headers of the checkpoint's files. */
    headers: sha256,
    /**
     * SHA-256 over the digests of its weight files; null if nothing was measured on them, so that any weights are
     * accepted.
     */
    weights: sha256.nullable().default(null),
  }),
  method: z.strictObject({ name: z.string(), package: z.string(), version: z.string() }),
  options: z.record(z.string(), z.json()),
  calibration: calibrationRecordSchema.nullable(),
  layers: layersSchema,
  warnings: listOf(z.string()),
  details: z.record(z.string(), z.json()),
  learned: learned.nullable().default(null),
});

export type CompressionPlan = z.infer<typeof planSchema>;
export type LearnedRecord = z.infer<typeof learned>;
export type LayerPlan = z.infer<typeof layerPlan>;
export type LayerOp = z.infer<typeof layerOp>;
export type CondenseOp = z.infer<typeof condenseOp>;
