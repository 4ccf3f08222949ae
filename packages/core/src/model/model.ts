import type { StoredTensor, TensorExpr } from '../tensor/expr.js';
import type { DecoderConfig, Rope } from './config.js';
import type { GatedActivation, Linear } from './linear.js';
import type { Recurrence } from './recurrence.js';

/**
 * A decoder whose weights are expressions over checkpoint files. A compressed model is another Model
 * over the same files: it runs, calibrates, is scored and is written like the original. Plain data.
 */
export interface Model {
  /** Folder or Hub id, as the user gave it. */
  readonly id: string;
  /** Commit of a Hub model, null for a folder. */
  readonly revision: string | null;
  /** `model_type` of its config.json. */
  readonly architecture: string;
  /**
   * SHA-256 over the headers of all its files: names, types, shapes and offsets, not the weights. Of a view, that of
   * its base and its plan.
   */
  readonly headerHash: string;
  readonly config: DecoderConfig;
  /** [vocabulary, H] */
  readonly embed: TensorExpr;
  readonly blocks: readonly Block[];
  /** Norm after the last block, [H]. */
  readonly finalNorm: TensorExpr;
  /** [H], where norms have biases (Phi-3.5-MoE). */
  readonly finalNormBias?: TensorExpr;
  /** [vocabulary, H]; the embedding itself when tied. */
  readonly head: TensorExpr;
  /** [vocabulary], added to the logits (Phi-3.5-MoE). */
  readonly headBias?: TensorExpr;
  readonly source: ModelSource;
}

/** The origin of a model, which a written checkpoint carries over. */
export interface ModelSource {
  /** The folder of the files. */
  readonly directory: string;
  /** config.json as parsed. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The settings that `generate()` of transformers starts with, from generation_config.json or what replaces it. */
  readonly generation: Readonly<Record<string, unknown>>;
  /** Tensors of its files that no part of the model uses, by name. */
  readonly unread: readonly StoredTensor[];
}

/**
 * One decoder layer: x + attention(norm(x)), then x + ffn(norm(x)); or x + norm(attention(x)), then x + norm(ffn(x)); or with
 * norms on both sides of each; or x + attention(n) + ffn(n), n = norm(x), in parallel.
 */
export interface Block {
  readonly index: number;
  /** What lets tokens see those before them. */
  readonly attention: TokenMixer | NoMixer;
  readonly ffn: DenseFfn | MoeFfn | NoFfn;
  readonly norms: BlockNorms;
  /** [1]: what comes out of the block is multiplied by it (Gemma 4). Default: it is not. */
  readonly outputScale?: TensorExpr;
}

/**
 * Norm weights [H] of attention and the FFN: of what goes into them, or of what comes out (OLMo 2); null for the part that
 * a block lacks.
 */
export interface BlockNorms {
  readonly attention: TensorExpr | null;
  /** Null: the FFN has no norm of its own, see `parallel` and `parts`. */
  readonly ffn: TensorExpr | null;
  /** Biases of these norms, [H] each (Phi-3.5-MoE). */
  readonly bias?: { readonly attention: TensorExpr | null; readonly ffn: TensorExpr | null };
  /** Default: `before`. */
  readonly place?: 'before' | 'after';
  /** In blocks with norms on both sides, those of what comes out of attention and the FFN (Trinity, Gemma 4). */
  readonly after?: { readonly attention: TensorExpr | null; readonly ffn: TensorExpr | null };
  /** The FFN takes what attention takes, and both are added at once (Cohere). Default: one after the other. */
  readonly parallel?: true;
  /** The FFN's input is divided by its root mean square, and its parts weigh it for themselves (Gemma 4). */
  readonly parts?: FfnPartNorms;
}

/** RMS norm weights [H] of the routed experts and of the shared one: of what goes into them, and of what comes out of each part. */
export interface FfnPartNorms {
  readonly experts: PartNorms;
  readonly shared: PartNorms;
}

export interface PartNorms {
  readonly before: TensorExpr;
  readonly after: TensorExpr;
}

/** A layer that is an FFN and nothing else (Nemotron-H), or nothing at all, after a plan dropped its parts. */
export interface NoMixer {
  readonly kind: 'none';
}

/** A layer without an FFN: it mixes tokens and does nothing else (Nemotron-H, or after a plan dropped it). */
export interface NoFfn {
  readonly kind: 'none';
  readonly shared: null;
}

/** What mixes the tokens of a sequence: attention, or a recurrence whose cost is linear in their number. */
export type TokenMixer = Attention | Recurrence;

export type Attention = GroupedQueryAttention | LatentAttention;

/** Causal attention with rotary positions. */
interface CausalAttention {
  readonly heads: number;
  readonly kvHeads: number;
  /** Dimension of the queries and keys of one head. */
  readonly headDim: number;
  readonly rope: Rope;
  /** Factor on the products of queries and keys before the softmax. */
  readonly scale: number;
  /** Queries are multiplied by a factor that grows with their position; absent: they are not. */
  readonly queryScaling?: QueryScaling;
  /** Output projection, from the heads' values to H. */
  readonly o: Linear;
}

/** The factor 1 + beta ln(1 + floor((p + offset) / every)) of the query at position p, counted from 0 (Llama 4, Mistral 4). */
export interface QueryScaling {
  readonly beta: number;
  readonly every: number;
  readonly offset: 0 | 1;
}

/** Attention whose heads share keys and values in groups; the first `rope.dim` dimensions of a head are rotated. */
export interface GroupedQueryAttention extends CausalAttention {
  readonly kind: 'gqa';
  /** [heads * headDim, H]; with `outputGate` a head has as many rows more, those of its gate behind those of its queries. */
  readonly q: Linear;
  readonly k: Linear;
  /** Null: the values are what `k` makes, before its norm and rotation (Gemma 4). */
  readonly v: Linear | null;
  /** Dimensions of the values of a head (MiMo-V2). Default: `headDim`. */
  readonly valueDim?: number;
  /** Factor on the values (MiMo-V2). Default: 1. */
  readonly valueScale?: number;
  /** The values of each head are divided by their root mean square (Gemma 4). Default: they are not. */
  readonly valueNorm?: true;
  /** RMS norm of queries and keys, before rotation: over each head (Qwen3) or the whole projection (OLMoE). */
  readonly qkNorm: {
    readonly over: 'head' | 'projection';
    /** After the rotation, not before it (Hunyuan). */
    readonly afterRotation?: boolean;
    /** Null: nothing is multiplied by (Llama 4). */
    readonly q: TensorExpr | null;
    readonly k: TensorExpr | null;
  } | null;
  /** Queries, keys and values are clipped to [-clip, clip], after their norms and before rotation (OLMo). */
  readonly clip: number | null;
  /** A token sees itself and the `window - 1` tokens before it; null: all before it. */
  readonly window: number | null;
  /** Sequences are cut into chunks of `window` tokens, and a token sees those before it in its own (Llama 4). Default: they are not. */
  readonly chunked?: true;
  /** Queries and keys are not rotated: nothing tells where a token stands (NoPE, arXiv 2305.19466). */
  readonly unrotated?: boolean;
  /** [heads]: an additional logit, which takes its share of the softmax and contributes no value (gpt-oss). */
  readonly sinks: TensorExpr | null;
  /** Whether what a head attends to is multiplied by the sigmoid of a gate from `q`, before `o` (Qwen3-Next). Default: no. */
  readonly outputGate?: true;
  /** The same with a projection of its own, [heads * valueDim, H] (Trinity). */
  readonly gate?: Linear;
}

/**
 * Multi-head latent attention (DeepSeek-V2): keys and values of all heads from one narrow latent.
 * A head's queries and keys are `contentDim` plain dimensions, then `rope.dim` rotated ones, whose
 * keys all heads share. `kvHeads` is `heads`.
 */
export interface LatentAttention extends CausalAttention {
  readonly kind: 'mla';
  readonly contentDim: number;
  readonly valueDim: number;
  /** [heads * headDim, H] at once, or down to a latent, RMS norm, and up. */
  readonly q: { readonly down: LatentDown | null; readonly up: Linear };
  /** [latent + rope.dim, H]: the latent, which is normed, and the rotated part of the keys. */
  readonly kvDown: LatentDown;
  /** [heads * (contentDim + valueDim), latent] */
  readonly kvUp: Linear;
  /** The rotated part is not rotated: nothing tells where a token stands (Kimi-Linear). */
  readonly unrotated?: true;
  /** What chooses the tokens that a token attends to (DeepSeek-V3.2); absent: it attends to all before it. */
  readonly indexer?: Indexer | SharedIndexer;
}

/**
 * Lightning indexer (DeepSeek-V3.2-Exp, section 2, equation 1): the score of an earlier token s for token t is
 * Σ w_h relu(q_h · k_s / sqrt(dim)) / sqrt(heads) over its heads, and t attends to the `topK` tokens of the highest scores.
 * The first `rope.dim` dimensions of queries and keys are rotated.
 */
export interface Indexer {
  readonly kind: 'own';
  readonly topK: number;
  readonly heads: number;
  readonly dim: number;
  readonly pairing: Rope['pairing'];
  /** [heads * dim, latent of the queries] */
  readonly query: Linear;
  /** [dim, H]; one key for all heads, which passes a layer norm. */
  readonly key: Linear;
  readonly keyNorm: { readonly weight: TensorExpr; readonly bias: TensorExpr; readonly epsilon: number };
  /** Of the heads, [heads, H]. */
  readonly weights: Linear;
}

/** The choice of the nearest layer before it that has an indexer (GLM-5.2). */
export interface SharedIndexer {
  readonly kind: 'shared';
  readonly topK: number;
}

export interface LatentDown {
  readonly linear: Linear;
  /** RMS norm weight of the latent. */
  readonly norm: TensorExpr;
  /** Epsilon of that norm: DeepSeek's code leaves it at 1e-6, whatever the config says about other norms. */
  readonly epsilon: number;
}

/** Gated MLP: down(activation(gate x, up x)); without a gate down(f(up x)), with the activation's function of the gate alone. */
export interface Mlp {
  /** Intermediate size: rows of gate and up, columns of down. */
  readonly width: number;
  /** Null where there is none (Nemotron-H). */
  readonly gate: TensorExpr | null;
  readonly up: TensorExpr;
  readonly down: TensorExpr;
  /** [I], [I] and [H] (gpt-oss; `mlp_bias` of Llama and DeepSeek-V2). */
  readonly bias: {
    readonly gate: TensorExpr | null;
    readonly up: TensorExpr;
    readonly down: TensorExpr;
  } | null;
  readonly activation: GatedActivation;
  /** The channels of the original that were kept; absent where all were kept, or where that is unknown. */
  readonly kept?: KeptChannels;
}

/** The channels that an MLP keeps of a wider one. */
export interface KeptChannels {
  /** Indices of the channels in the original, ascending. */
  readonly channels: readonly number[];
  /** The intermediate size of the original. */
  readonly of: number;
}

/** An MLP that all tokens pass through; in a condensed MoE with a gated shared expert, together with that. */
export interface DenseFfn {
  readonly kind: 'dense';
  readonly mlp: Mlp;
  readonly shared: SharedExpert | null;
}

/**
 * Mixture-of-Experts FFN. The router chooses `topK` of `slots.length` slots a token; slot i computes
 * with `pool[slots[i]]`. Slots are the identity unless a plan remapped them.
 */
export interface MoeFfn {
  readonly kind: 'moe';
  readonly router: Router;
  readonly slots: readonly number[];
  readonly pool: readonly Expert[];
  readonly shared: SharedExpert | null;
  /** Projections from H to the narrower space of the experts and of their weighted sum back (Nemotron-H). Default: they see H. */
  readonly latent?: { readonly down: Linear; readonly up: Linear };
}

/**
 * Scores the slots and selects `topK` of them. Their scores are the experts' weights: divided by
 * their sum if `normalise`, then multiplied by `scale`.
 */
export interface Router {
  /** [slots, H] */
  readonly weight: TensorExpr;
  /** [slots], added to the logits (gpt-oss). */
  readonly bias: TensorExpr | null;
  /** What turns logits into scores: softmax over all slots, or sigmoid of each. */
  readonly scoring: 'softmax' | 'sigmoid';
  /**
   * The two slots chosen weigh what a softmax gives them among the slots whose logits are at most this share lower
   * (SparseMixer-v2 without its noise, arXiv 2409.12136; Phi-3.5-MoE). Default: slots weigh their scores.
   */
  readonly mixerThreshold?: number;
  /** [slots], added to the scores for the selection only (DeepSeek-V3). */
  readonly selectionBias: TensorExpr | null;
  readonly groups: RouterGroups | null;
  readonly topK: number;
  readonly normalise: boolean;
  /** A smaller sum counts as this; by default sums are taken as they are (ERNIE 4.5). */
  readonly leastSum?: number;
  /** What is added to the sum before it divides; by default too little to be seen (LFM2: 1e-6). */
  readonly addedToSum?: number;
  readonly scale: number;
  /** The weight multiplies what goes into an expert, not what comes out of it (Llama 4). Default: the latter. */
  readonly weighs?: 'input';
  /** What the router sees is multiplied by `scale` [H] and `factor` first (Gemma 4). Default: it is not. */
  readonly input?: { readonly scale: TensorExpr; readonly factor: number };
  /** [slots]: factors of the slots' weights (Gemma 4). Default: 1. */
  readonly slotScales?: TensorExpr;
}

/**
 * Slots in `count` equal groups of consecutive slots; only the best `selected` groups may be chosen from (DeepSeek).
 */
export interface RouterGroups {
  readonly count: number;
  readonly selected: number;
  /** The score of a group: its highest score, or the sum of its two highest. */
  readonly by: 'max' | 'top-2-sum';
}

export interface Expert extends Mlp {
  /** The decoder layer and the expert index it had in the original checkpoint. */
  readonly origin: ExpertId;
}

export interface ExpertId {
  readonly layer: number;
  readonly index: number;
}

/** Runs on every token; its output is multiplied by sigmoid(gate x) where `gate` [1, H] is present. */
export interface SharedExpert {
  readonly mlp: Mlp;
  readonly gate: TensorExpr | null;
  /** Its output and that of the routed experts are averaged, not added (Command A+). Default: they are added. */
  readonly averaged?: true;
}
