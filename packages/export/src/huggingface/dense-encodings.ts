import {
  type ArchitectureManifest,
  architectures,
  asFamily,
  type Changes,
  type DenseLayer,
  quantityOf,
  withQuantities,
} from '@moepress/checkpoint';
import {
  attentionBlocks,
  type Block,
  concat,
  type DenseFfn,
  denseBlocks,
  type Model,
  type MoeFfn,
  mapMlp,
  type TensorExpr,
  zeros,
} from '@moepress/core';

/** How a checkpoint states which of its layers are dense. */
export interface DenseEncoding {
  /** An equivalent model as it is stored: possibly with zeros up to a common width, or as an MoE of one expert. */
  readonly model: Model;
  /** The family that it is stored as. */
  readonly manifest: ArchitectureManifest;
  /** The config.json that states it, without the settings of the experts. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Whether zeros were added. */
  readonly padded: boolean;
  /** The record of the compact layout, where config.json cannot state it; else null. */
  readonly record: readonly DenseLayer[] | null;
}

/** The parts of a model that an encoding changes. */
type Encoded = Pick<DenseEncoding, 'model' | 'manifest' | 'config'>;

/** Keys for training, which a dense family does not use. */
const trainingKeys = ['output_router_logits', 'router_aux_loss_coef', 'router_jitter_noise'];

/** Encodes the model as its dense sibling family, if there is one and no layer has experts. */
export function asDenseFamily({ model, manifest, config }: Encoded, width: number): Encoded | null {
  const sibling = architectures.find(({ modelType }) => modelType === manifest.elsewhere?.denseSibling);
  if (!sibling || !isAllDense(model) || !hasBiasesOf(sibling, model)) return null;
  const converted = asFamily(config, manifest, sibling);
  if (!converted) return null;
  const kept = Object.fromEntries(Object.entries(converted).filter(([key]) => !trainingKeys.includes(key)));
  return {
    model: withFfns(model, (ffn) => padded(ffn, width)),
    manifest: sibling,
    config: withQuantities(kept, sibling, { denseWidth: width }),
  };
}

/**
 * Whether attention has biases exactly where the family has them: queries, keys and values always, never or by a key;
 * the output projection like those or never.
 */
function hasBiasesOf({ attention: traits }: ArchitectureManifest, model: Model): boolean {
  if (traits.kind !== 'gqa') return true;
  return attentionBlocks(model).every(({ attention }) => {
    if (attention.kind !== 'gqa') return false;
    const [qkv, output] = [attention.q.bias !== null, attention.o.bias !== null];
    const fits = traits.qkvBias === 'by-config' || qkv === (traits.qkvBias === 'always');
    return fits && output === (traits.outputBias === 'as-qkv' && qkv);
  });
}

/** Encodes the model by the keys with which the family itself states its dense layers. */
export function viaConfigKeys(encoded: Encoded, width: number): Encoded | null {
  const { model, manifest, config } = encoded;
  const dense = denseBlocks(model).map(({ index }) => index);
  const changes = denseChanges(dense, encoded);
  return (
    changes && {
      model: withFfns(model, (ffn) => padded(ffn, width)),
      manifest,
      config: withQuantities(config, manifest, { ...changes, denseWidth: width }),
    }
  );
}

/** Whether the family rotates the queries of dense layers that do not rotate here, and would take those for such. */
function wouldRotate(dense: readonly number[], { config, model, manifest }: Encoded): boolean {
  const { attention } = manifest;
  if (attention.kind !== 'gqa' || attention.unrotated !== 'full-but-prefix') return false;
  if (quantityOf(config, manifest, 'prefixPattern') !== 1) return false;
  return dense.some((layer) => {
    const own = model.blocks[layer]!.attention;
    return own.kind === 'gqa' && own.unrotated === true;
  });
}

function denseChanges(dense: readonly number[], { config, model, manifest }: Encoded): Changes | null {
  const layers = model.blocks.length;
  const isPrefix = dense.every((layer, i) => layer === i);
  switch (manifest.ffn.dense) {
    case 'none':
      return null;
    case 'all':
      return {};
    case 'layer-types': {
      const types = quantityOf(config, manifest, 'layerTypes') as readonly string[];
      return { layerTypes: types.map((type, i) => (dense.includes(i) ? 'mlp' : type)) };
    }
    case 'without-experts':
      return dense.length === layers ? { experts: 0 } : null;
    case 'mlp-only-layers':
      return { denseLayers: dense };
    case 'types':
      if (wouldRotate(dense, { config, model, manifest })) return null;
      return {
        mlpTypes: Array.from({ length: layers }, (_, i) => (dense.includes(i) ? 'dense' : 'sparse')),
      };
    case 'listed':
      return {
        moeLayers: Array.from({ length: layers }, (_, i) => i).filter((i) => !dense.includes(i)),
      };
    case 'flag':
      return null;
    case 'interval':
      return dense.length === layers ? { firstDense: layers } : null;
    case 'prefix':
      return isPrefix ? { firstDense: dense.length } : null;
    case 'prefix-and-step': {
      // The layers after them must all have experts, or there must be none.
      const isPlain = dense.length === layers || quantityOf(config, manifest, 'moeEvery') === 1;
      return isPrefix && isPlain ? { firstDense: dense.length } : null;
    }
  }
}

/**
 * Encodes each FFN as the only expert of a router of zeros, whose weight is always one. A family with a shared expert
 * would look for one beside it.
 */
export function asSingleExpertMoe({ model, manifest, config }: Encoded, width: number): Encoded | null {
  const { router, ffn } = manifest;
  if (!isAllDense(model) || ffn.dense !== 'none' || ffn.shared || !router) return null;
  const { scoring } = router;
  if (router.mixer || scoring === 'by-config') return null;
  // The only score of a softmax is 1; that of a sigmoid is, once it is divided by itself.
  const isOne = router.normalise === 'always' && quantityOf(config, manifest, 'scale') === undefined;
  if (router.scoring !== 'softmax' && !isOne) return null;
  const only = (dense: DenseFfn, { index }: Block): MoeFfn => {
    const { mlp } = padded(dense, width);
    const { dtype, shape } = mlp.up;
    return {
      kind: 'moe',
      router: {
        weight: zeros(dtype, [1, shape[1]!]),
        bias: router.bias ? zeros(dtype, [1]) : null,
        scoring,
        selectionBias: router.selectionBias ? zeros('F32', [1]) : null,
        groups: null,
        topK: 1,
        normalise: router.normalise === 'always',
        scale: 1,
      },
      slots: [0],
      pool: [{ ...mlp, origin: { layer: index, index: 0 } }],
      shared: null,
    };
  };
  return {
    model: withFfns(model, only),
    manifest,
    config: withQuantities(config, manifest, { topK: 1 }),
  };
}

const isAllDense = ({ blocks }: Model) => blocks.every(({ ffn }) => ffn.kind === 'dense');

function withFfns(model: Model, change: (ffn: DenseFfn, block: Block) => Block['ffn']): Model {
  const blocks = model.blocks.map((block) =>
    block.ffn.kind === 'dense' ? { ...block, ffn: change(block.ffn, block) } : block,
  );
  return { ...model, blocks };
}

/** Channels of zeros add nothing (`padExperts`). */
function padded(ffn: DenseFfn, width: number): DenseFfn {
  const { mlp } = ffn;
  const missing = width - mlp.width;
  if (missing === 0) return ffn;
  const more = (part: TensorExpr, axis: 0 | 1) =>
    concat([part, zeros(part.dtype, part.shape.with(axis, missing))], axis);
  return {
    ...ffn,
    mlp: mapMlp(mlp, width, { rows: (part) => more(part, 0), cols: (part) => more(part, 1) }),
  };
}
