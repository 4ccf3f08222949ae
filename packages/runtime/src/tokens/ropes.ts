import { attentionBlocks, type Block, type Model, type Rope } from '@moepress/core/model';

/** The rotation of a block; of one without attention that of the model. */
export function ropeFor({ attention }: Block, { config }: Pick<Model, 'config'>): Rope {
  return attention.kind === 'gqa' || attention.kind === 'mla' ? attention.rope : config.rope;
}

/** Equal for equal rotations. */
export const ropeKey = (rope: Rope): string => JSON.stringify(rope);

/** The different rotations of a model, in the order of its blocks; one at least. */
export function ropesOf({ config, blocks }: Pick<Model, 'config' | 'blocks'>): Rope[] {
  const distinct = new Map(
    attentionBlocks({ blocks }).map(({ attention: { rope } }) => [ropeKey(rope), rope]),
  );
  return distinct.size > 0 ? [...distinct.values()] : [config.rope];
}
