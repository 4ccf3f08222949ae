import type { TensorExpr } from '../tensor/expr.js';
import type { Linear, PlainActivation } from './linear.js';

/** What stands in the place of attention and keeps the same few numbers of a sequence, however long it is. */
export type Recurrence = GatedDeltaRule | ShortConvolution | StateSpace;

/**
 * Gated delta rule (Gated DeltaNet, arXiv 2412.06464, equation 10; Qwen3-Next). Queries, keys and values pass a causal
 * depthwise convolution and SiLU; queries and keys have length one. Each value head has a state S [keyDim, valueDim], 0 at
 * first, that a token changes to S = exp(g) S and then S + k (β (v - Sᵀ k))ᵀ; it yields Sᵀ q / sqrt(keyDim), with
 * β = sigmoid(b) and g = -exp(decay) softplus(a + decayBias). `valueHeads / keyHeads` neighbouring value heads share
 * queries and keys. What comes out of a head is normed, multiplied by silu(z), and goes through `o`.
 * With an input of the layout `channelwise` it is Kimi Delta Attention (arXiv 2510.26692, equation 1): every channel of a
 * key has a decay of its own, S becomes diag(exp(g)) S first, and the gate of the output is sigmoid(z).
 */
export interface GatedDeltaRule {
  readonly kind: 'gated-delta-rule';
  readonly keyHeads: number;
  readonly valueHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly input: DeltaRuleInput;
  /** [2 * keyHeads * keyDim + valueHeads * valueDim, 1, window]: of the channels of all queries, all keys, all values. */
  readonly convolution: TensorExpr;
  /** A number for each value head, in whatever shape. */
  readonly decay: TensorExpr;
  /** [valueHeads]; with a decay for each channel [valueHeads * keyDim]. */
  readonly decayBias: TensorExpr;
  /** RMS norm weight of a head's output, [valueDim]; nothing is added to it. */
  readonly norm: TensorExpr;
  /** From the heads' values back to H. */
  readonly o: Linear;
}

/**
 * How the inputs of a gated delta rule come from x. `separate`: queries, keys and values of all heads, one after the other;
 * z [valueHeads * valueDim, H]; b and a [valueHeads, H]. `grouped`: by key head, its queries, keys, values and z, and its
 * b and a. `channelwise`: q, k and v by themselves, and z and a, which is as wide as the keys, down to a few numbers and up.
 */
export type DeltaRuleInput =
  | {
      readonly layout: 'separate';
      readonly qkv: Linear;
      readonly z: Linear;
      readonly b: Linear;
      readonly a: Linear;
    }
  | { readonly layout: 'grouped'; readonly qkvz: Linear; readonly ba: Linear }
  | {
      readonly layout: 'channelwise';
      readonly q: Linear;
      readonly k: Linear;
      readonly v: Linear;
      readonly b: Linear;
      readonly zDown: Linear;
      readonly zUp: Linear;
      readonly aDown: Linear;
      readonly aUp: Linear;
    };

/**
 * Short convolution between two gates (LFM2, arXiv 2511.23404): with b, c and u the three parts of the input projection,
 * o(c * convolution(b * u)). The convolution is causal, with one kernel for each channel and no activation.
 */
export interface ShortConvolution {
  readonly kind: 'short-convolution';
  /** [3 * H, H]: the rows of b, of c, and of u. */
  readonly input: Linear;
  readonly convolution: DepthwiseConvolution;
  readonly o: Linear;
}

/**
 * State space layer (Mamba-2, arXiv 2405.21060, sections 6 and 7). The input projection yields z, then x, B and C, which pass a
 * causal convolution and `activation`, then a step for each head. Each head has a state S [stateDim, headDim], 0 at first, that a token changes to
 * exp(-exp(decay) step) S + B (step x)ᵀ; it yields Sᵀ C + skip x. Neighbouring heads share B and C: there are `groups` of
 * them. What comes out is multiplied by silu(z), normed, and goes through `o`.
 */
export interface StateSpace {
  readonly kind: 'state-space';
  readonly heads: number;
  readonly headDim: number;
  readonly groups: number;
  readonly stateDim: number;
  /** [2 * heads * headDim + 2 * groups * stateDim + heads, H]: the rows of z, of x, B and C, and of the steps. */
  readonly input: Linear;
  /** Of the channels of x of all heads, B of all groups, C of all groups. */
  readonly convolution: DepthwiseConvolution;
  /** Its function of the gate alone. */
  readonly activation: PlainActivation;
  /** Of softplus(step + bias): [heads], and the bounds that it is clamped to; null: there is none above. */
  readonly step: { readonly bias: TensorExpr; readonly least: number; readonly most: number | null };
  /** [heads] each. */
  readonly decay: TensorExpr;
  readonly skip: TensorExpr;
  /** RMS norm weight [heads * headDim]; the mean square is one of `groups` equal parts each. */
  readonly norm: { readonly weight: TensorExpr; readonly groups: number };
  /** From the heads' values back to H. */
  readonly o: Linear;
}

/** A causal convolution with one kernel for each channel; the last number of a kernel is that of the newest token. */
export interface DepthwiseConvolution {
  /** [channels, 1, window] */
  readonly weight: TensorExpr;
  /** [channels] */
  readonly bias: TensorExpr | null;
}
