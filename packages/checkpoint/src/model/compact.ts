import { type Expert, indexExperts, listOf, type MoeFfn, MoepressError } from '@moepress/core';
import { z } from 'zod';
import type { ArchitectureManifest } from '../architectures/manifest.js';
import type { JsonObject } from '../folder/json.js';

/**
 * The compact layout of a checkpoint whose slots share experts, whose experts differ in width, whose layers
 * differ in their routers, or some of whose layers became dense: each expert is stored once and as narrow as it is, and config.json says under
 * `moepress` which slot uses which. Experts are numbered afresh within the layer they came from; `experts` keeps the numbers they
 * had. Readers that do not know `widths` look for tensors of one width, and refuse.
 */
export const compactFormat = 'compact-v1';

const index = z.int().nonnegative();

const compactLayer = z.object({
  layer: index,
  /** Original index of each expert stored under this layer; its position is its new index. */
  experts: listOf(index),
  /** Width of each of them, where the experts of the model differ in it; config.json keeps that of the original. */
  widths: listOf(index).optional(),
  /** New indices of those that yield a constant: of their tensors the bias of the output alone is stored. */
  constants: listOf(index).optional(),
  /** Slot i computes with the stored expert [layer, new index]. */
  slots: listOf(z.tuple([index, index])).refine((slots) => slots.length > 0, 'must not be empty'),
  /** Settings of config.json that the layer has otherwise: how many experts its router chooses from, how many, of which groups. */
  config: z.record(z.string(), z.int().positive()).optional(),
});

const denseLayer = z.object({
  layer: index,
  /** Intermediate size; of a width of 0 nothing is stored. */
  width: index,
  /** Whether the family's gated shared expert stands beside it. */
  shared: z.boolean(),
});

const droppedParts = z.object({
  layer: index,
  parts: z
    .array(z.enum(['attention', 'ffn']))
    .min(1)
    .max(2),
  /** Names within the layer of the norms that went with them, for the modeling file. */
  norms: listOf(z.string().regex(/^\w+$/)),
});

const compactSchema = z.object({
  format: z.literal(compactFormat),
  /** `model_type` of the family; that of the checkpoint itself is `moepress_<family>`. */
  base_architecture: z.string(),
  /** Layers with experts. */
  layers: listOf(compactLayer),
  /** Layers with a dense FFN, if config.json without this record does not tell of them. */
  dense: listOf(denseLayer).optional(),
  /** Parts that layers have lost, attention or what stands in its place, or the FFN; config.json tells of them all the same. */
  dropped: listOf(droppedParts).optional(),
  /** `auto_map` of the family's own config.json, where its code comes with the checkpoint. */
  auto_map: z.record(z.string(), z.json()).optional(),
});

export type CompactRecord = z.infer<typeof compactSchema>;
export type DenseLayer = z.infer<typeof denseLayer>;
export type DroppedParts = z.infer<typeof droppedParts>;
export type CompactLayer = CompactRecord['layers'][number];

/** The record under `moepress` in config.json, or null in a stock checkpoint. Throws `CONFIG_INVALID`. */
export function readCompactRecord(config: JsonObject, where: string): CompactRecord | null {
  if (config.moepress === undefined) return null;
  const parsed = compactSchema.safeParse(config.moepress);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw invalidCompact(`moepress.${issue.path.join('.')}: ${issue.message}`, where);
  }
  const stored = new Map(parsed.data.layers.map(({ layer, experts }) => [layer, experts.length]));
  for (const { layer, experts, slots, widths, constants = [] } of parsed.data.layers) {
    if (widths && widths.length !== experts.length) {
      throw invalidCompact(`layer ${layer} has ${experts.length} experts but ${widths.length} widths`, where);
    }
    if (constants.some((number) => widths?.[number] !== 0)) {
      throw invalidCompact(`a constant of layer ${layer} is no expert of the width 0`, where);
    }
    const missing = slots.find(([from, expert]) => expert >= (stored.get(from) ?? 0));
    if (missing) {
      throw invalidCompact(`a slot of layer ${layer} uses expert [${missing}], which is not stored`, where);
    }
  }
  return parsed.data;
}

/** config.json as the family itself writes it, without what the compact layout changed. */
export function stockConfig(config: JsonObject, { modelType, className }: ArchitectureManifest): JsonObject {
  if (config.moepress === undefined) return config;
  const { moepress, auto_map, ...rest } = config;
  const { auto_map: own } = moepress as CompactRecord;
  return { ...rest, ...(own && { auto_map: own }), model_type: modelType, architectures: [className] };
}

function invalidCompact(problem: string, where: string): MoepressError {
  return new MoepressError('CONFIG_INVALID', { message: `${problem}.`, where: `${where}: moepress` });
}

type Experts = Pick<MoeFfn, 'slots' | 'pool'>;

/** Where an expert is stored. */
export interface StoredExpert {
  readonly layer: number;
  /** Index among the `count` experts stored under that layer. */
  readonly number: number;
  readonly count: number;
  /** Layer and index in the original checkpoint. */
  readonly index: number;
  /** Its own; null where config.json says one for all. */
  readonly width: number | null;
  /** Whether it yields a constant. */
  readonly constant: boolean;
}

type TakeExpert = (stored: StoredExpert) => Expert;

/** Every slot has an expert of its own. */
export function stockExperts(layer: number, experts: number, take: TakeExpert): Experts {
  const slots = Array.from({ length: experts }, (_, index) => index);
  const pool = slots.map((index) =>
    take({ layer, number: index, count: experts, index, width: null, constant: false }),
  );
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
      const { experts: stored, widths, constants = [] } = records.get(from)!;
      const width = widths?.[number] ?? null;
      const constant = constants.includes(number);
      return take({ layer: from, number, count: stored.length, index: stored[number]!, width, constant });
    }),
  };
}
