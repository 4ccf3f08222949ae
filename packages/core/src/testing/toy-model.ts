import type { Rope } from '../model/config.js';
import type { Attention, Block, Mlp, Model, MoeFfn } from '../model/model.js';
import { byteLength } from '../tensor/dtype.js';
import type { StoredTensor } from '../tensor/expr.js';

/** Sizes of a toy model; every one has a small default. */
export interface ToySizes {
  /** Decoder layers (3). */
  readonly layers: number;
  /** Experts of each MoE layer (4). */
  readonly experts: number;
  /** Experts the router selects (2). */
  readonly topK: number;
  /** Hidden size H (8). */
  readonly hidden: number;
  /** Intermediate size I of an expert (6). */
  readonly width: number;
  /** Width of the gated shared expert of every MoE layer; 0, the default, for none. */
  readonly shared: number;
  /** Decoder layers with a dense FFN of width 2 I instead of experts; none by default. */
  readonly dense: readonly number[];
}

const defaults: ToySizes = { layers: 3, experts: 4, topK: 2, hidden: 8, width: 6, shared: 0, dense: [] };
const vocabSize = 16;

type Allocate = (name: string, ...shape: number[]) => StoredTensor;

/**
 * A model description over a float32 file that does not exist: enough to plan, to apply plans and to
 * measure without weights. Tensors are named as in Qwen2-MoE.
 */
export function toyModel(given: Partial<ToySizes> = {}): Model {
  const sizes = { ...defaults, ...given };
  const { layers, experts, topK, hidden } = sizes;
  const tensor = allocator();
  return {
    id: 'toy',
    revision: null,
    architecture: 'qwen2_moe',
    headerHash: 'a'.repeat(64),
    config: {
      hiddenSize: hidden,
      vocabSize,
      layers,
      heads: 1,
      kvHeads: 1,
      headDim: hidden,
      experts,
      topK,
      rmsNormEps: 1e-6,
      rope: rope(hidden),
      maxPositions: 64,
      tiedEmbeddings: false,
      dtype: 'F32',
      bosTokenId: null,
      eosTokenIds: [0],
    },
    embed: tensor('model.embed_tokens.weight', vocabSize, hidden),
    blocks: Array.from({ length: layers }, (_, index) => toyBlock(index, sizes, tensor)),
    finalNorm: tensor('model.norm.weight', hidden),
    head: tensor('lm_head.weight', vocabSize, hidden),
    source: { directory: '/toy', config: {}, generation: {}, unread: [] },
  };
}

/** Lays tensors one after the other in an imagined file. */
function allocator(): Allocate {
  let offset = 0;
  return (name, ...shape) => {
    const length = byteLength('F32', shape);
    offset += length;
    return {
      kind: 'stored',
      name,
      file: '/toy/model.safetensors',
      offset: offset - length,
      length,
      dtype: 'F32',
      shape,
    };
  };
}

function toyBlock(index: number, sizes: ToySizes, tensor: Allocate): Block {
  const { hidden, width, dense } = sizes;
  const prefix = `model.layers.${index}`;
  return {
    index,
    attention: toyAttention(`${prefix}.self_attn`, hidden, tensor),
    ffn: dense.includes(index)
      ? { kind: 'dense', mlp: toyMlp(`${prefix}.mlp`, 2 * width, hidden, tensor), shared: null }
      : toyMoe(index, `${prefix}.mlp`, sizes, tensor),
    norms: {
      attention: tensor(`${prefix}.input_layernorm.weight`, hidden),
      ffn: tensor(`${prefix}.post_attention_layernorm.weight`, hidden),
    },
  };
}

const rope = (dim: number): Rope => ({ theta: 10_000, dim, pairing: 'halves', scaling: null });

function toyAttention(prefix: string, hidden: number, tensor: Allocate): Attention {
  const linear = (name: string) => ({
    weight: tensor(`${prefix}.${name}.weight`, hidden, hidden),
    bias: null,
  });
  return {
    kind: 'gqa',
    heads: 1,
    kvHeads: 1,
    headDim: hidden,
    rope: rope(hidden),
    scale: hidden ** -0.5,
    q: linear('q_proj'),
    k: linear('k_proj'),
    v: linear('v_proj'),
    o: linear('o_proj'),
    qkNorm: null,
    clip: null,
    window: null,
    sinks: null,
  };
}

function toyMoe(layer: number, prefix: string, sizes: ToySizes, tensor: Allocate): MoeFfn {
  const { experts, topK, hidden, width, shared } = sizes;
  const indices = Array.from({ length: experts }, (_, index) => index);
  return {
    kind: 'moe',
    router: {
      weight: tensor(`${prefix}.gate.weight`, experts, hidden),
      bias: null,
      scoring: 'softmax',
      selectionBias: null,
      groups: null,
      topK,
      normalise: false,
      scale: 1,
    },
    slots: indices,
    pool: indices.map((index) => ({
      origin: { layer, index },
      ...toyMlp(`${prefix}.experts.${index}`, width, hidden, tensor),
    })),
    shared:
      shared === 0
        ? null
        : {
            mlp: toyMlp(`${prefix}.shared_expert`, shared, hidden, tensor),
            gate: tensor(`${prefix}.shared_expert_gate.weight`, 1, hidden),
          },
  };
}

function toyMlp(prefix: string, width: number, hidden: number, tensor: Allocate): Mlp {
  return {
    width,
    gate: tensor(`${prefix}.gate_proj.weight`, width, hidden),
    up: tensor(`${prefix}.up_proj.weight`, width, hidden),
    down: tensor(`${prefix}.down_proj.weight`, hidden, width),
    bias: null,
    activation: { kind: 'swiglu' },
  };
}
