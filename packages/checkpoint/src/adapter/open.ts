import type { Model, Work } from '@moepress/core';
import { applyAdapter } from './apply.js';
import type { AdapterConfig } from './config.js';
import { readAdapterWeights } from './weights.js';

/**
 * The model that an adapter in `directory` makes of `base`, which `progress` is told of. Throws what
 * `readAdapterWeights` and `applyAdapter` throw.
 */
export async function withAdapter(
  base: Model,
  config: AdapterConfig,
  directory: string,
  { progress }: Work,
): Promise<Model> {
  const weights = await readAdapterWeights(directory);
  const model = applyAdapter(base, config, weights, directory);
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`;
  progress?.({
    type: 'warning',
    message: `A LoRA adapter is applied: ${count(weights.pairs.size, 'weight')} changed, ${count(weights.replaced.size, 'tensor')} replaced.`,
  });
  return model;
}
