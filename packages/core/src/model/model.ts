import type { TensorExpr } from '../tensor/expr.js';
import type { DecoderConfig, Rope } from './config.js';

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
  /** SHA-256 over the headers of all its files: names, types, shapes and offsets, not the weights. */
  readonly headerHash: string;
  readonly config: DecoderConfig;
  /** [vocabulary, H] */
  readonly embed: TensorExpr;
  readonly blocks: readonly Block[];
  /** RMS norm after the last block, [H]. */
  readonly finalNorm: TensorExpr;
  /** [vocabulary, H]; the embedding itself when tied. */
  readonly head: TensorExpr;
  readonly source: ModelSource;
}

/** Where a model came from: what a written checkpoint carries over. */
export interface ModelSource {
  /** The folder of the files. */
  readonly directory: string;
  /** config.json as parsed. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** One decoder layer: x + attention(norm(x)), then x + ffn(norm(x)). */
export interface Block {
  readonly index: number;
  readonly attention: Attention;
  readonly ffn: DenseFfn | MoeFfn;
  /** RMS norm weights [H] before attention and before the FFN. */
  readonly norms: { readonly attention: TensorExpr; readonly ffn: TensorExpr };
}

/** y = x Wᵀ + b, W as Hugging Face stores it: [out, in]. */
export interface Linear {
  readonly weight: TensorExpr;
  readonly bias: TensorExpr | null;
}

/** Grouped-query attention with rotary positions and a causal mask; scores scaled by headDim^-1/2. */
export interface Attention {
  readonly kind: 'gqa';
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rope: Rope;
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly o: Linear;
  /** RMS norm of queries and keys before rotation: over each head (Qwen3) or the whole projection (OLMoE). */
  readonly qkNorm: {
    readonly over: 'head' | 'projection';
    readonly q: TensorExpr;
    readonly k: TensorExpr;
  } | null;
  /** Queries, keys and values are clipped to [-clip, clip] before their norms (OLMo). */
  readonly clip: number | null;
}

/** Gated MLP: down(silu(gate x) * up x). */
export interface Mlp {
  /** Intermediate size: rows of gate and up, columns of down. */
  readonly width: number;
  readonly gate: TensorExpr;
  readonly up: TensorExpr;
  readonly down: TensorExpr;
}

export interface DenseFfn {
  readonly kind: 'dense';
  readonly mlp: Mlp;
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
}

/** softmax over all slot logits, top-k, then optionally divided by the sum of the chosen k. */
export interface Router {
  /** [slots, H] */
  readonly weight: TensorExpr;
  readonly topK: number;
  readonly normalise: boolean;
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
}
