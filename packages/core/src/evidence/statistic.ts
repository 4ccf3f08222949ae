import type { Graph, Value } from './symbolic.js';

/** Which pass over the calibration tokens a statistic needs. */
export type Pass = 'forward' | 'all-experts' | 'backward';

/**
 * Something measured per MoE layer: a graph fragment, so that the reduction runs where the tensors
 * are. It is evaluated on batches of tokens; its outputs are added up over batches in double precision.
 */
export interface Statistic {
  /** Unique; evidence is stored under name and version. */
  readonly name: string;
  /** Raise it when the meaning of the outputs changes. */
  readonly version: number;
  readonly pass: Pass;
  /** Sums over the tokens of this batch, float64, of a shape that does not depend on the batch. */
  collect(graph: Graph, taps: LayerTaps): Readonly<Record<string, Value>>;
}

/** The symbolic values of one MoE block. T: tokens of the batch, H: hidden, N: slots, k: top-k. */
export interface LayerTaps {
  readonly layer: number;
  /** Input of router and experts, after the norm, [T, H]. */
  readonly ffnInput: Value;
  /** [T, N] */
  readonly routerLogits: Value;
  /** Softmax over all slots, [T, N]. */
  readonly probabilities: Value;
  /** Chosen slots, int64 [T, k], by descending weight. */
  readonly selected: Value;
  /** The weights that multiply the experts' outputs, [T, k], in the order of `selected`. */
  readonly weights: Value;
  /** One per pool entry. */
  readonly experts: readonly ExpertTaps[];
  /** Output of the whole FFN with the shared expert, before the residual, [T, H]. */
  readonly ffnOutput: Value;
  /** Null except in the backward pass, whose batches are single sequences. */
  readonly gradients: LayerGradients | null;
}

/** Gradients of the loss, the mean token cross-entropy of one sequence. Shapes as in `LayerTaps`. */
export interface LayerGradients {
  readonly ffnInput: Value;
  readonly routerLogits: Value;
  /** [N, H] */
  readonly routerWeight: Value;
  readonly ffnOutput: Value;
  /** One per pool entry. */
  readonly experts: readonly ExpertGradients[];
}

export interface ExpertGradients {
  /** [n, I]: through the down projection and the routing weight. */
  readonly activation: Value;
  /** [n, H]: through the routing weight. */
  readonly output: Value;
  /** Of the weights, summed over the n tokens: [I, H], [I, H] and [H, I]. */
  readonly gate: Value;
  readonly up: Value;
  readonly down: Value;
}

/** One expert on the n tokens routed to it. */
export interface ExpertTaps {
  /** Which tokens of the batch, int64 [n]. */
  readonly tokens: Value;
  /** Routing weight of each, [n]; the sum over slots that share the expert. */
  readonly weight: Value;
  /** act(gate x) * up x, [n, I]. */
  readonly activation: Value;
  /** Before the routing weight, [n, H]. */
  readonly output: Value;
}
