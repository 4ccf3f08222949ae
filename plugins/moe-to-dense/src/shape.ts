import { type Model, type MoeBlock, type MoeFfn, MoepressError, requireMoeBlocks } from '@moepress/core';
import type { MoeToDenseOptions } from './options.js';

/** The number of parts of a dense FFN, and the number of experts (K) that these are made of. */
export interface Shape {
  readonly parts: number;
  readonly keep: number;
}

/** As many parts as a token is routed to experts, or as the ratio leaves; at least one. */
export function shapeOf({ pool, router }: MoeFfn, { ratio, keep }: MoeToDenseOptions): Shape {
  const wanted = ratio === undefined ? router.topK : Math.round((1 - ratio) * pool.length);
  const parts = Math.max(1, Math.min(wanted, pool.length));
  return { parts, keep: keep ?? parts };
}

/** Whether no experts are averaged, so that the output of the dense FFN follows from the measurements. */
export const isExact = ({ parts, keep }: Shape): boolean => parts === keep;

/**
 * The layers to be condensed. Throws, before anything is measured, `INPUT_INVALID` without any,
 * `OPTIONS_INVALID` where `keep` does not fit, and `CONFIG_UNSUPPORTED` for experts that cannot be averaged.
 */
export function checkedBlocks(model: Model, options: MoeToDenseOptions): MoeBlock[] {
  const blocks = requireMoeBlocks(model, 'condense');
  for (const { index, ffn } of blocks) checkShape(ffn, index, options);
  return blocks;
}

function checkShape(ffn: MoeFfn, layer: number, options: MoeToDenseOptions): void {
  const { parts, keep } = shapeOf(ffn, options);
  if (keep < parts || keep > ffn.pool.length) {
    throw new MoepressError('OPTIONS_INVALID', {
      message: `Layer ${layer} has ${ffn.pool.length} experts, and its dense FFN is made of ${parts} parts: keep must be between these numbers and is ${keep}.`,
      where: 'options.keep',
    });
  }
  const [first, ...others] = new Set(ffn.pool.map(({ width }) => width));
  if (keep === parts || others.length === 0) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `In layer ${layer} experts differ in width (${[first, ...others].join(', ')}), so that they cannot be averaged.`,
    where: 'options.keep',
    hint: 'Leave keep out: then every expert stays itself.',
  });
}
