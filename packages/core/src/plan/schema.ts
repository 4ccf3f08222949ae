import { z } from 'zod';
import { listOf } from '../bounded-lists.js';
import { calibrationRecordSchema } from '../evidence/calibration.js';
import { layerOp } from './operations/index.js';
import { index } from './operations/operation.js';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal');

/** The most operations for one layer: more could not change anything. */
const maxOps = 16;

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
  /** Further calibration sets, where the method compared several. */
  domains: listOf(calibrationRecordSchema).optional(),
  layers: layersSchema,
  warnings: listOf(z.string()),
  details: z.record(z.string(), z.json()),
  learned: learned.nullable().default(null),
});

export type CompressionPlan = z.infer<typeof planSchema>;
export type LearnedRecord = z.infer<typeof learned>;
export type LayerPlan = z.infer<typeof layerPlan>;
export type { CondenseOp, LayerOp } from './operations/index.js';
