import {
  type ArchitectureManifest,
  type DenseLayer,
  denseLayers,
  quantityOf,
  stockConfig,
} from '@moepress/checkpoint';
import { type Block, type DenseFfn, type Model, MoepressError, withBias } from '@moepress/core';
import { asOneExpert, asSibling, inDenseKeys } from './dense-words.js';

/** How a checkpoint tells which of its layers are dense. */
export interface DenseTelling {
  /** The same function as it is stored: maybe with zeros up to a common width, or as an MoE of one expert. */
  readonly model: Model;
  /** The family it is stored as. */
  readonly manifest: ArchitectureManifest;
  /** config.json that tells it, but for what is said of the experts. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Whether zeros were added. */
  readonly padded: boolean;
  /** In place of all this, for the compact layout. */
  readonly record: readonly DenseLayer[] | null;
}

export type DenseBlock = Block & { readonly ffn: DenseFfn };

/**
 * Finds words for the layers that are dense: the original config.json if it has them, a dense family of the
 * same mathematics if all layers are, the keys by which a family tells of dense layers, or an MoE of one
 * expert. `exact`: without zeros, rather in the record of the compact layout.
 * Throws `CONFIG_UNSUPPORTED` if there are none and the record is not wanted.
 */
export function tellDense(model: Model, manifest: ArchitectureManifest, exact: boolean): DenseTelling {
  const config = stockConfig(model.source.config, manifest);
  const same: DenseTelling = {
    model: withBiases(model, quantityOf(config, manifest, 'mlpBias') === true),
    manifest,
    config,
    padded: false,
    record: null,
  };
  const dense = same.model.blocks.filter((block): block is DenseBlock => block.ffn.kind === 'dense');
  if (isAsBefore(dense, same)) return same;
  const width = Math.max(1, ...dense.map(({ ffn }) => ffn.mlp.width));
  const padded = dense.some(({ ffn }) => ffn.mlp.width !== width);
  const besides = dense.some(({ ffn }) => ffn.shared !== null);
  if (!besides && !(exact && padded)) {
    const say = [asSibling, inDenseKeys, asOneExpert];
    for (const words of say) {
      const told = words(same, width);
      if (told) return { ...same, ...told, padded };
    }
  }
  if (exact) return { ...same, record: dense.map(recordOf) };
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `The family has no words for dense layers ${dense.map(({ index }) => index).join(', ')}${besides ? ' with a gated shared expert beside them' : ' among layers with experts'}.`,
    where: model.id,
    hint: 'Choose the layout compact.',
  });
}

/** Whether the original config.json tells of the same layers and width. */
function isAsBefore(dense: readonly DenseBlock[], { model, manifest, config }: DenseTelling): boolean {
  const before = denseLayers(config, manifest, model.blocks.length);
  return (
    before.length === dense.length &&
    dense.every(
      ({ index, ffn }, i) =>
        before[i] === index &&
        ffn.mlp.width === quantityOf(config, manifest, 'denseWidth') &&
        ffn.shared === null,
    )
  );
}

/** With zeros for biases that every dense layer has, but not one made of experts. */
function withBiases(model: Model, biased: boolean): Model {
  if (!biased) return model;
  const blocks = model.blocks.map((block) => {
    if (block.ffn.kind !== 'dense') return block;
    const { mlp } = block.ffn;
    return { ...block, ffn: { ...block.ffn, mlp: withBias(mlp, mlp.down.dtype) } };
  });
  return { ...model, blocks };
}

const recordOf = ({ index, ffn }: DenseBlock): DenseLayer => ({
  layer: index,
  width: ffn.mlp.width,
  shared: ffn.shared !== null,
});
