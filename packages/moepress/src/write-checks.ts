import { checkSpace } from '@moepress/checkpoint';
import {
  applyLayers,
  type FoundMethod,
  type Model,
  MoepressError,
  measure,
  parseOptions,
} from '@moepress/core';
import { checkCompanions, checkUnread, type ExpertLayout, sizeAsWritten } from '@moepress/export';

/** Outlines are as large as any plan, and what is asked for may be rounded: this much of it is needed in any case. */
const surely = 0.9;

/**
 * Finds out before anything is measured what would stop the writing of a compressed model: tensors that cannot be
 * carried over, companions that are not to be copied, and a disk with too little room. Throws `CONFIG_UNSUPPORTED`,
 * `CHECKPOINT_INVALID` and `DISK_FULL`.
 */
export async function checkWritten(
  model: Model,
  { compressor }: FoundMethod,
  { own, layout, folder }: { own: Readonly<Record<string, unknown>>; layout: ExpertLayout; folder: string },
): Promise<void> {
  checkUnread(model);
  await checkCompanions(model);
  await checkSpace(folder, Math.floor(surely * expectedBytes(model, compressor, own, layout)));
}

/** Of the weights, as far as can be told; 0 where it cannot. */
function expectedBytes(
  model: Model,
  compressor: FoundMethod['compressor'],
  own: Readonly<Record<string, unknown>>,
  layout: ExpertLayout,
): number {
  try {
    const layers = compressor.outline?.(model, parseOptions(compressor, own));
    if (layers) return sizeAsWritten(applyLayers(model, layers), layout).bytes.whole;
  } catch (error) {
    // Told where it is about a plan.
    if (MoepressError.isInstance(error)) return 0;
    throw error;
  }
  const { total, routedExperts } = measure(model);
  return typeof own.ratio === 'number' ? total.bytes - own.ratio * routedExperts.bytes : 0;
}
