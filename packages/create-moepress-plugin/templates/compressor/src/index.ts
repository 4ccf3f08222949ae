import {
  type Compressor,
  definePlugin,
  type LayerPlan,
  type Model,
  MoepressError,
  moeBlocks,
  requireMoeBlocks,
  topIndices,
} from '@moepress/core';
import { gatedOutputNorms } from '@moepress/graph';
import { z } from 'zod';

const options = z.strictObject({
  ratio: z.number().min(0).lt(1).describe('Share of the experts of each layer to merge away.'),
  seed: z.int().default(0).describe('Not used: the method is deterministic.'),
});

export type ExampleNameOptions = z.infer<typeof options>;

/** Experts that a layer keeps. */
const keptOf = (experts: number, ratio: number): number => experts - Math.floor(experts * ratio);

/** Throws, before anything is measured, if a router would select more experts than a layer keeps. */
function check(model: Model, { ratio }: ExampleNameOptions): void {
  for (const { index, ffn } of requireMoeBlocks(model, 'share')) {
    const kept = keptOf(ffn.pool.length, ratio);
    if (kept >= ffn.router.topK) continue;
    throw new MoepressError('RATIO_TOO_HIGH', {
      message: `At ratio ${ratio} layer ${index} would keep ${kept} experts, but its router selects ${ffn.router.topK}.`,
      where: 'options.ratio',
    });
  }
}

/**
 * Keeps the experts of each layer that add most to its output, and lets the slots of all others compute with the one that adds
 * most. The router stays as it is.
 */
export const exampleName: Compressor<ExampleNameOptions> = {
  specVersion: 1,
  name: 'example-name',
  title: 'Example name: share the experts that add most',
  reference: 'none: an example',
  options,
  needs(model, own) {
    check(model, own);
    return [gatedOutputNorms];
  },
  async plan({ model, evidence, options: { ratio } }) {
    const measured = new Map(evidence!.layers.map((layer) => [layer.layer, layer]));
    const layers = moeBlocks(model).flatMap(({ index, ffn }): LayerPlan[] => {
      const norms = measured.get(index)!.read(gatedOutputNorms, 'sum');
      const kept = new Set(topIndices(norms, keptOf(ffn.pool.length, ratio)));
      if (kept.size === ffn.pool.length) return [];
      const [best] = topIndices(norms, 1) as [number];
      const slots = ffn.slots.map((expert): [number, number] => [index, kept.has(expert) ? expert : best]);
      return [{ layer: index, ops: [{ op: 'remap-slots', slots }] }];
    });
    return { layers };
  },
};

export default definePlugin({ name: 'example-name', compressors: [exampleName] });
