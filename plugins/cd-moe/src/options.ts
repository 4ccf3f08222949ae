import { z } from 'zod';
import { type CriterionName, criteria } from './criteria.js';

const index = z.int().nonnegative();
const layerIndex = z.string().regex(/^\d+$/, 'must be the number of an MoE layer');
const expertIndex = z.string().regex(/^\d+-\d+$/, 'must be <MoE layer>-<expert>');
const names = <Name extends string>(of: Readonly<Record<Name, unknown>>) =>
  Object.keys(of) as [Name, ...Name[]];

/**
 * The result of an earlier search, in the form of the released files: MoE layers are counted from 0, without dense
 * layers.
 */
const selection = z.strictObject({
  /** MoE layers in the order they are condensed in; any beginning of it is a choice, too. */
  layers: z.array(index).optional(),
  /** MoE layer to its experts in the order they were chosen in. */
  experts: z.record(layerIndex, z.array(index)).default({}),
  /** `<MoE layer>-<expert>` to its weight, or to [sum, count, mean] of the weights of its tokens. */
  weights: z.record(expertIndex, z.union([z.number(), z.tuple([z.number(), index, z.number()])])).optional(),
});

export const options = z
  .strictObject({
    /** The share to remove: the number of condensed layers is chosen to come nearest to it. */
    ratio: z.number().min(0).lt(1).optional(),
    /** Not used: the method is deterministic. */
    seed: z.int().default(0),
    /** Whether `ratio` refers to the routed experts' parameters or to the bytes of the whole model. */
    ratioOf: z.enum(['routed', 'model']).default('routed'),
    /** Number of layers to condense. */
    condenseLayers: index.optional(),
    /** Exactly these decoder layers. */
    layers: z.array(index).optional(),
    /**
     * Routed experts that a condensed layer keeps; 6 in a model with shared experts, else as many as the router
     * selects.
     */
    experts: index.optional(),
    /** Constant weights: the mean of those of an expert's tokens, or fitted to what the layer's routed experts add. */
    weights: z.enum(['mean', 'least-squares']).default('mean'),
    criterion: z.enum(names<CriterionName>(criteria)).default('jensen-shannon'),
    /** Sets of layers that the search for layers follows up side by side. */
    beam: z.int().min(1).max(64).default(1),
    selection: selection.optional(),
  })
  .refine((given) => sizesOf(given) === 1 || (sizesOf(given) === 0 && given.selection?.layers), {
    path: ['ratio'],
    message: 'Give one of ratio, condenseLayers and layers, or a selection with layers',
  });

type Size = 'ratio' | 'condenseLayers' | 'layers';

const sizesOf = ({ ratio, condenseLayers, layers }: Partial<Record<Size, unknown>>): number =>
  [ratio, condenseLayers, layers].filter((size) => size !== undefined).length;

export type CdMoeOptions = z.infer<typeof options>;
export type Selection = z.infer<typeof selection>;
