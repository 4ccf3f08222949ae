import type { TensorExpr } from '../tensor/expr.js';

/** y = x Wᵀ + b, W as Hugging Face stores it: [out, in]. */
export interface Linear {
  readonly weight: TensorExpr;
  readonly bias: TensorExpr | null;
}

/**
 * `swiglu`: silu(g) * u. `geglu`: gelu(g) * u, the function itself or its
 * approximation by tanh or by a sigmoid, g * sigmoid(1.702 g) (arXiv 1606.08415).
 * `reglu`: max(g, 0) ** power * u. `clamped-swiglu` (gpt-oss): with g at most `limit` and u within ± `limit`,
 * g * sigmoid(alpha * g) * (u + 1).
 */
export type GatedActivation =
  | { readonly kind: 'swiglu' }
  | { readonly kind: 'geglu'; readonly approximate: 'none' | 'tanh' | 'sigmoid' }
  | { readonly kind: 'reglu'; readonly power: 1 | 2 }
  | { readonly kind: 'clamped-swiglu'; readonly alpha: number; readonly limit: number };

/** An activation with a function of the gate alone, which up is multiplied by. */
export type PlainActivation = Exclude<GatedActivation, { readonly kind: 'clamped-swiglu' }>;
