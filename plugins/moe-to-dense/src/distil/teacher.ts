import { leastSlots, type Model, MoepressError, type Router } from '@moepress/core';

/**
 * The same model with routers that select `topK` slots: a teacher that hears more of its experts gives the student
 * a little more (arXiv:2605.28207, equation 6). Throws `OPTIONS_INVALID` if a router cannot.
 */
export function withTopK(model: Model, topK: number): Model {
  const blocks = model.blocks.map((block) => {
    if (block.ffn.kind !== 'moe') return block;
    const router = { ...block.ffn.router, topK };
    checkRouter(router, block.ffn.slots.length, block.index);
    return { ...block, ffn: { ...block.ffn, router } };
  });
  return { ...model, blocks, config: { ...model.config, topK } };
}

function checkRouter(router: Router, slots: number, layer: number): void {
  const { topK, groups } = router;
  const open = groups ? (slots / groups.count) * groups.selected : slots;
  if (topK <= open && leastSlots(router) <= slots / (groups?.count ?? 1)) return;
  throw new MoepressError('OPTIONS_INVALID', {
    message: `The router of layer ${layer} can choose from ${open} experts, not select ${topK}.`,
    where: 'options.teacherTopK',
  });
}
