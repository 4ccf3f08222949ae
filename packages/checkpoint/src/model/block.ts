import type {
  Block,
  DenseFfn,
  Expert,
  Model,
  MoeFfn,
  Router,
  SharedExpert,
  StoredTensor,
  TensorExpr,
} from '@moepress/core';
import { biasName, type Place, type TensorNames, tensorName } from '../architectures/manifest.js';
import type { FamilyConfig } from '../config/family.js';
import { buildAttention, nameAttention } from './attention.js';
import { type BuildContext, partsOf } from './build-context.js';
import { compactExperts, type DenseLayer, type StoredExpert, stockExperts } from './compact.js';
import { takeExpert } from './experts.js';
import { nameMlp, nameOwnWidth, takeMlp, takeOwnWidth } from './mlp.js';
import { type NamedTensor, nameLinear, single } from './named-tensor.js';
import { nameNorms, takeNorms } from './norms.js';

/** One decoder layer. Throws what `TensorSource.take` throws. */
export function buildBlock(layer: number, context: BuildContext): Block {
  const { manifest, tensors } = context;
  const { outputScale } = manifest.tensors;
  const { mixer, ffn } = partsOf(layer, context);
  return {
    index: layer,
    attention: mixer ? buildAttention(layer, context) : { kind: 'none' },
    ffn: ffn ? buildFfn(layer, context) : { kind: 'none', shared: null },
    norms: takeNorms(layer, context),
    ...(manifest.outputScale && (mixer || ffn) && { outputScale: tensors.take(outputScale, [1], { layer }) }),
  };
}

function buildFfn(layer: number, context: BuildContext): DenseFfn | MoeFfn {
  const dense = context.compact?.dense?.find((record) => record.layer === layer);
  if (dense) return buildCondensed(dense, context);
  return context.config.ffn.moe[layer] ? buildMoe(layer, context) : buildDense(layer, context);
}

/** What was an MoE in the original checkpoint. */
function buildCondensed({ layer, width, shared }: DenseLayer, context: BuildContext): DenseFfn {
  const { dense, experts } = context.manifest.tensors;
  const biased = experts.fused.bias !== null || context.config.ffn.bias;
  return {
    kind: 'dense',
    mlp: takeOwnWidth(dense, { width, at: { layer }, biased }, context),
    shared: shared ? buildShared(layer, context) : null,
  };
}

function buildDense(layer: number, context: BuildContext): DenseFfn {
  const { dense } = context.manifest.tensors;
  const { denseWidth, bias } = context.config.ffn;
  const mlp = takeMlp(dense, { width: denseWidth, at: { layer }, biased: bias }, context);
  return { kind: 'dense', mlp, shared: null };
}

function buildMoe(layer: number, context: BuildContext): MoeFfn {
  const { compact } = context;
  const { experts } = configOf(layer, context).decoder;
  const take = (stored: StoredExpert): Expert => ({
    ...takeExpert(stored, context),
    origin: { layer: stored.layer, index: stored.index },
  });
  return {
    kind: 'moe',
    router: buildRouter(layer, context),
    ...(compact ? compactExperts(layer, experts, compact, take) : stockExperts(layer, experts, take)),
    shared: buildShared(layer, context),
    ...buildLatent(layer, context),
  };
}

function buildLatent(layer: number, { manifest, config, tensors }: BuildContext): Pick<MoeFfn, 'latent'> {
  const names = manifest.tensors.latentExperts;
  const { expertSpace: space, bias: biased } = config.ffn;
  if (space === null || !names) return {};
  const { hiddenSize } = config.decoder;
  const at = { layer };
  const linear = (stem: string, [out, into]: readonly [number, number]) => ({
    weight: tensors.matrix(`${stem}.weight`, [out, into], at),
    bias: biased ? tensors.take(`${stem}.bias`, [out], at) : null,
  });
  return {
    latent: { down: linear(names.down, [space, hiddenSize]), up: linear(names.up, [hiddenSize, space]) },
  };
}

/** The settings that hold for a layer. */
const configOf = (layer: number, { config, layerConfigs }: BuildContext): FamilyConfig =>
  layerConfigs.get(layer) ?? config;

function buildRouter(layer: number, context: BuildContext): Router {
  const { manifest, tensors } = context;
  const config = configOf(layer, context);
  const { router: stem, selectionBias, selectionBiasAsRow, routerInputScale, slotScales } = manifest.tensors;
  const { experts, hiddenSize } = config.decoder;
  // Layers have experts only in families that have a router.
  const traits = manifest.router!;
  return {
    ...config.router!,
    weight: tensors.take(`${stem}.weight`, [experts, hiddenSize], { layer }),
    bias: traits.bias ? tensors.take(`${stem}.bias`, [experts], { layer }) : null,
    selectionBias: config.router!.selectionBias ? takeSelectionBias() : null,
    ...(traits.storedScales && {
      input: { scale: tensors.take(routerInputScale, [hiddenSize], { layer }), factor: hiddenSize ** -0.5 },
      slotScales: tensors.take(slotScales, [experts], { layer }),
    }),
  };

  function takeSelectionBias(): StoredTensor {
    return selectionBiasAsRow
      ? tensors.fused(selectionBias, [experts], { layer }, { index: 0, count: 1 })
      : tensors.take(selectionBias, [experts], { layer });
  }
}

function buildShared(layer: number, context: BuildContext): SharedExpert | null {
  const { manifest, config, tensors } = context;
  const { shared, sharedGate } = manifest.tensors;
  const width = config.ffn.sharedWidth;
  // Of no channels there may be tensors without numbers, or none.
  if (width === null || (width === 0 && !tensors.has(shared.down, { layer }))) return null;
  return {
    mlp: takeMlp(shared, { width, at: { layer }, biased: config.ffn.bias }, context),
    gate: manifest.ffn.shared?.gated
      ? tensors.take(sharedGate, [1, config.decoder.hiddenSize], { layer })
      : null,
    ...(config.ffn.averaged && { averaged: true }),
  };
}

/**
 * Every tensor of a model under the name its family gives it, layer by layer. The tensors of routed experts, which have
 * several layouts, are given by the layer they are stored under.
 */
export function nameTensors(
  model: Model,
  names: TensorNames,
  experts: ReadonlyMap<number, readonly NamedTensor[]>,
): NamedTensor[] {
  return [
    single(names.embed, model.embed),
    ...model.blocks.flatMap((block) => [...nameBlock(block, names), ...(experts.get(block.index) ?? [])]),
    single(names.finalNorm, model.finalNorm),
    ...(model.finalNormBias ? [single(biasName(names.finalNorm), model.finalNormBias)] : []),
    ...(model.config.tiedEmbeddings ? [] : [single(names.head, model.head)]),
    ...(model.headBias ? [single(biasName(names.head), model.headBias)] : []),
  ];
}

/** What `buildBlock` takes, under the names it takes it by, but for the routed experts. */
function nameBlock(
  { index: layer, attention, ffn, norms, outputScale }: Block,
  names: TensorNames,
): NamedTensor[] {
  const at = { layer };
  return [
    ...nameNorms(norms, names, at),
    ...(attention.kind === 'none' ? [] : nameAttention(attention, names, layer)),
    ...(outputScale ? [single(names.outputScale, outputScale, at)] : []),
    ...(ffn.kind === 'dense' ? nameOwnWidth(names.dense, ffn.mlp, at) : []),
    ...(ffn.kind === 'moe' ? nameMoe(ffn, names, layer) : []),
    ...(ffn.shared ? nameShared(ffn.shared, names, layer) : []),
  ];
}

function nameMoe({ router, latent }: MoeFfn, names: TensorNames, layer: number): NamedTensor[] {
  const { latentExperts } = names;
  const around =
    latent && latentExperts
      ? (['down', 'up'] as const).flatMap((part) => nameLinear(latentExperts[part], latent[part], { layer }))
      : [];
  return [...nameRouter(router, names, layer), ...around];
}

function nameRouter(
  { weight, bias, selectionBias, input, slotScales }: Router,
  names: TensorNames,
  layer: number,
): NamedTensor[] {
  const at = { layer };
  return [
    ...nameLinear(names.router, { weight, bias }, at),
    ...(selectionBias ? [nameSelectionBias(selectionBias, names, at)] : []),
    ...(input ? [single(names.routerInputScale, input.scale, at)] : []),
    ...(slotScales ? [single(names.slotScales, slotScales, at)] : []),
  ];
}

function nameSelectionBias(bias: TensorExpr, names: TensorNames, at: Place): NamedTensor {
  if (!names.selectionBiasAsRow) return single(names.selectionBias, bias, at);
  return { kind: 'stack', name: tensorName(names.selectionBias, at), of: [bias], transposed: false };
}

function nameShared({ mlp, gate }: SharedExpert, names: TensorNames, layer: number): NamedTensor[] {
  const at = { layer };
  return [...nameMlp(names.shared, mlp, at), ...(gate ? [single(names.sharedGate, gate, at)] : [])];
}
