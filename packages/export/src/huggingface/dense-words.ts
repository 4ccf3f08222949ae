import { type ArchitectureManifest, architectures, stockConfig } from '@moepress/checkpoint';
import { type Block, concat, type DenseFfn, type Mlp, type Model, type MoeFfn, zeros } from '@moepress/core';
import type { DenseTelling } from './dense.js';

type Words = Pick<DenseTelling, 'model' | 'manifest' | 'keys'>;

interface Sibling {
  readonly modelType: string;
  /** Keys that only the MoE family knows. */
  readonly drops: readonly string[];
}

const moeKeys = ['norm_topk_prob', 'output_router_logits', 'router_aux_loss_coef'] as const;
const qwenKeys = [
  ...moeKeys,
  'num_experts',
  'num_experts_per_tok',
  'moe_intermediate_size',
  'decoder_sparse_step',
  'mlp_only_layers',
];

/** Dense families with the attention and norms of an MoE family. */
const siblings: Readonly<Record<string, Sibling>> = {
  qwen3_moe: { modelType: 'qwen3', drops: qwenKeys },
  qwen2_moe: { modelType: 'qwen2', drops: [...qwenKeys, 'shared_expert_intermediate_size', 'qkv_bias'] },
  mixtral: {
    modelType: 'mistral',
    drops: [...moeKeys, 'num_local_experts', 'num_experts_per_tok', 'router_jitter_noise'],
  },
};

/** As a model of the dense sibling, if there is one and no layer has experts. */
export function asSibling(model: Model, { modelType }: ArchitectureManifest, width: number): Words | null {
  const sibling = siblings[modelType];
  const manifest = architectures.find((known) => known.modelType === sibling?.modelType);
  if (!sibling || !manifest || !isAllDense(model) || !hasBiasesOf(manifest, model)) return null;
  return {
    model: withFfns(model, (ffn) => padded(ffn, width)),
    manifest,
    keys: {
      ...Object.fromEntries(sibling.drops.map((key) => [key, undefined])),
      model_type: manifest.modelType,
      architectures: [manifest.className],
      intermediate_size: width,
    },
  };
}

/** Qwen2 has biases on queries, keys and values without a key that says so. */
function hasBiasesOf({ modelType }: ArchitectureManifest, { blocks }: Model): boolean {
  if (modelType !== 'qwen2') return true;
  return blocks.every(({ attention }) => attention.kind === 'gqa' && attention.q.bias !== null);
}

/** By the keys with which the family itself tells of dense layers. */
export function inDenseKeys(model: Model, manifest: ArchitectureManifest, width: number): Words | null {
  const dense = model.blocks.filter(({ ffn }) => ffn.kind === 'dense').map(({ index }) => index);
  const rule = manifest.ffn.dense;
  if (rule === 'none') return null;
  const isPrefix = dense.every((layer, i) => layer === i);
  const { moe_layer_freq: step = 1 } = stockConfig(model.source.config, manifest);
  if (rule === 'prefix' && (!isPrefix || step !== 1)) return null;
  const told = {
    all: {},
    prefix: { first_k_dense_replace: dense.length },
    'mlp-only-layers': { mlp_only_layers: dense },
  };
  return {
    model: withFfns(model, (ffn) => padded(ffn, width)),
    manifest,
    keys: { ...told[rule], intermediate_size: width },
  };
}

/** Each FFN as the only expert of a router of zeros, whose weight is always one. */
export function asOneExpert(model: Model, manifest: ArchitectureManifest, width: number): Words | null {
  const { keys, router, ffn } = manifest;
  if (!isAllDense(model) || ffn.dense !== 'none' || keys === null || router?.scoring !== 'softmax')
    return null;
  const only = (dense: DenseFfn, { index }: Block): MoeFfn => {
    const { mlp } = padded(dense, width);
    const { dtype, shape } = mlp.gate;
    return {
      kind: 'moe',
      router: {
        weight: zeros(dtype, [1, shape[1]!]),
        bias: router.bias ? zeros(dtype, [1]) : null,
        scoring: 'softmax',
        selectionBias: null,
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
  return { model: withFfns(model, only), manifest, keys: { [keys.topK]: 1 } };
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
  const more = (part: Mlp['gate'], axis: 0 | 1) =>
    concat([part, zeros(part.dtype, part.shape.with(axis, missing))], axis);
  const { gate, up, down, bias } = mlp;
  return {
    ...ffn,
    mlp: {
      ...mlp,
      width,
      gate: more(gate, 0),
      up: more(up, 0),
      down: more(down, 1),
      bias: bias && { ...bias, gate: more(bias.gate, 0), up: more(bias.up, 0) },
    },
  };
}
