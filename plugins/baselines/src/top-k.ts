import { type Compressor, type LayerPlan, type Model, MoepressError, requireMoeBlocks } from '@moepress/core';
import { z } from 'zod';

const options = z.strictObject({
  /** How many experts each router selects. */
  topK: z.int().positive(),
  /** Not used: the method is deterministic. */
  seed: z.int().default(0),
});

export type TopKOptions = z.infer<typeof options>;

/**
 * Plain top-k reduction, the baseline of LExI (arXiv:2509.02753): every router selects `topK` experts in place of more. No
 * parameters go; a token computes with fewer. Routers that select no more than that stay. Throws `OPTIONS_INVALID` where all
 * select fewer, and what `set-top-k` throws.
 */
export const topK: Compressor<TopKOptions> = {
  specVersion: 1,
  name: 'top-k',
  title: 'Fewer active experts in all layers',
  reference: 'arXiv:2509.02753',
  options,
  needs(model, given) {
    reduced(model, given);
    return [];
  },
  outline: reduced,
  plan: async ({ model, options: given }) => ({ layers: reduced(model, given) }),
};

function reduced(model: Model, { topK: wanted }: TopKOptions): LayerPlan[] {
  const blocks = requireMoeBlocks(model, 'select fewer of');
  const layers = blocks.flatMap(({ index, ffn }): LayerPlan[] =>
    ffn.router.topK > wanted ? [{ layer: index, ops: [{ op: 'set-top-k', topK: wanted }] }] : [],
  );
  const most = Math.max(...blocks.map(({ ffn }) => ffn.router.topK));
  if (wanted <= most) return layers;
  throw new MoepressError('OPTIONS_INVALID', {
    message: `The routers select ${most} experts, which is fewer than ${wanted} already.`,
    where: 'options.topK',
  });
}
