import {
  type ArchitectureManifest,
  type DenseLayer,
  denseLayers,
  quantityOf,
  stockConfig,
} from '@moepress/checkpoint';
import { type DenseBlock, denseBlocks, hasFfn, type Model, MoepressError, withBias } from '@moepress/core';
import { asDenseFamily, asSingleExpertMoe, type DenseEncoding, viaConfigKeys } from './dense-encodings.js';

/**
 * Finds how a checkpoint can state which layers are dense: by the original config.json if it does so already, as a dense
 * family of the same mathematics if all layers are dense, by the keys with which the family states its dense layers, or as
 * an MoE of one expert. `exact`: without padding by zeros, in the record of the compact layout instead.
 * Throws `CONFIG_UNSUPPORTED` if there is no way and the record is not wanted.
 */
export function encodeDenseLayers(
  model: Model,
  manifest: ArchitectureManifest,
  exact: boolean,
): DenseEncoding {
  const config = stockConfig(model.source.config, manifest);
  const same: DenseEncoding = {
    model: withBiases(model, quantityOf(config, manifest, 'mlpBias') === true),
    manifest,
    config,
    padded: false,
    record: null,
  };
  const dense = denseBlocks(same.model);
  checkBiases(dense, { model, manifest, biased: quantityOf(config, manifest, 'mlpBias') === true });
  if (isAsBefore(dense, same)) return same;
  const width = Math.max(1, ...dense.map(({ ffn }) => ffn.mlp.width));
  const padded = dense.some(({ ffn }) => ffn.mlp.width !== width);
  const besides = dense.some(({ ffn }) => ffn.shared !== null);
  if (!besides && !(exact && padded)) {
    for (const encode of [asDenseFamily, viaConfigKeys, asSingleExpertMoe]) {
      const encoded = encode(same, width);
      if (encoded) return { ...same, ...encoded, padded };
    }
  }
  if (exact) return { ...same, record: dense.map(recordOf) };
  const among = dense.length < model.blocks.length ? ' among layers with experts' : '';
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `The family cannot state dense layers ${dense.map(({ index }) => index).join(', ')}${besides ? ' with a gated shared expert beside them' : among}.`,
    where: model.id,
    hint: 'Choose the layout compact.',
  });
}

/** Throws `CONFIG_UNSUPPORTED` for a dense layer with biases, as of constants, in a family whose dense layers have none. */
function checkBiases(
  dense: readonly DenseBlock[],
  {
    model,
    manifest,
    biased,
  }: { readonly model: Model; readonly manifest: ArchitectureManifest; readonly biased: boolean },
): void {
  const layer = dense.find(({ ffn }) => ffn.mlp.bias !== null);
  if (!layer || biased || manifest.tensors.experts.fused.bias !== null) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `The dense FFN of layer ${layer.index} has biases, and ${manifest.title} has none.`,
    where: model.id,
    hint: 'Condense experts that yield no constants.',
  });
}

/** Whether the original config.json states the same layers and width. */
function isAsBefore(dense: readonly DenseBlock[], { model, manifest, config }: DenseEncoding): boolean {
  // Layers that lost their FFNs are told of elsewhere.
  const before = denseLayers(config, manifest, model.blocks.length).filter((layer) =>
    hasFfn(model.blocks[layer]!),
  );
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

/** Adds biases of zeros where some dense layers have biases but those made of experts have none. */
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
