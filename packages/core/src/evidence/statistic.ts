import type { Graph, Value } from './symbolic.js';

/** The pass over the calibration tokens that a statistic needs. */
export type Pass = 'forward' | 'all-experts' | 'backward';

/**
 * Something measured layer by layer: a graph fragment, so that the reduction runs where the tensors
 * are. It is evaluated on batches of tokens; its outputs are added up over batches in double precision, or, where `maxima` names
 * them, the largest of all batches is taken.
 */
export type Statistic = ExpertStatistic | MlpStatistic | AttentionStatistic;

interface Named {
  /** Unique name; evidence is stored under name and version. */
  readonly name: string;
  /** To be raised when the meaning of the outputs changes. */
  readonly version: number;
  /** Outputs that are largest values over tokens instead of sums: the largest of all batches is what is measured. */
  readonly maxima?: readonly string[];
}

/** Measured in every MoE layer. */
export interface ExpertStatistic extends Named {
  /** What it is measured on; `experts` if absent. */
  readonly target?: 'experts';
  readonly pass: Pass;
  /** Sums or maxima over the tokens of this batch, float64, of a shape that does not depend on the batch. */
  collect(graph: Graph, taps: LayerTaps): Readonly<Record<string, Value>>;
}

/** Measured in every layer with an MLP that all tokens go through: a dense FFN, or a shared expert. */
export interface MlpStatistic extends Named {
  readonly target: 'mlps';
  readonly pass: 'forward' | 'backward';
  /** Sums or maxima over the tokens of this batch, float64, of a shape that does not depend on the batch. */
  collect(graph: Graph, taps: MlpTaps): Readonly<Record<string, Value>>;
}

/** Measured in every layer with attention, of whatever kind, and not in those with a recurrence. */
export interface AttentionStatistic extends Named {
  readonly target: 'attention';
  readonly pass: 'forward';
  /** Sums over the tokens of this batch, float64, of a shape that does not depend on the batch. */
  collect(graph: Graph, taps: AttentionTaps): Readonly<Record<string, Value>>;
}

/** The symbolic values of one MoE block. T: tokens of the batch, H: hidden, N: slots, k: top-k. */
export interface LayerTaps {
  readonly layer: number;
  /**
   * Hidden states that the FFN's output is added to, [T, H]; null in the pass that runs all experts on all tokens, which keeps
   * no more than the FFN's input.
   */
  readonly residual: Value | null;
  /** Input of router and experts, after the norm, [T, H]. */
  readonly ffnInput: Value;
  /** [T, N] */
  readonly routerLogits: Value;
  /** Scores of all slots: softmax or sigmoid of the logits, as the router scores, [T, N]. */
  readonly probabilities: Value;
  /** Chosen slots, int64 [T, k], by descending weight. */
  readonly selected: Value;
  /** The weights that multiply the experts' outputs, [T, k], in the order of `selected`. */
  readonly weights: Value;
  /** One entry for each expert of the pool. */
  readonly experts: readonly ExpertTaps[];
  /** Sum of the experts' outputs times their weights, without the shared expert, [T, H]. */
  readonly routedOutput: Value;
  /** Output of the whole FFN with the shared expert, before the residual, [T, H]. */
  readonly ffnOutput: Value;
  /** Gradients in the backward pass, whose batches are single sequences; null otherwise. */
  readonly gradients: LayerGradients | null;
}

/** Gradients of the loss, the mean token cross-entropy of one sequence. Shapes as in `LayerTaps`. */
export interface LayerGradients {
  readonly ffnInput: Value;
  readonly routerLogits: Value;
  /** [N, H] */
  readonly routerWeight: Value;
  readonly ffnOutput: Value;
  /** One entry for each expert of the pool. */
  readonly experts: readonly MlpGradients[];
}

export interface MlpGradients {
  /** Gradients of gate x and up x, before the activation, [n, I] each; null without a gate. */
  readonly gateProduct: Value | null;
  readonly upProduct: Value;
  /** [n, I]: gradient through the down projection and the routing weight, or the gate of a shared expert. */
  readonly activation: Value;
  /** [n, H]: gradient through the routing weight or the gate. */
  readonly output: Value;
  /**
   * Gradients of the weights, summed over the n tokens: [I, H], null without a gate, [I, H] and [H, I]. Each costs as much as a
   * projection; what a statistic can get from the gradients above it should get there.
   */
  readonly gate: Value | null;
  readonly up: Value;
  readonly down: Value;
}

/** One expert on the n tokens routed to it. */
export interface ExpertTaps {
  /** Indices of these tokens in the batch, int64 [n]. */
  readonly tokens: Value;
  /** Routing weight of each, [n]; the sum over slots that share the expert. */
  readonly weight: Value;
  /** [n, H] */
  readonly input: Value;
  /** Input of the down projection: activation(gate x, up x), [n, I]. */
  readonly activation: Value;
  /** Output before the routing weight is applied, [n, H]. */
  readonly output: Value;
  /** Weight of the down projection, [H, I]. */
  readonly down: Value;
}

/** An MLP that all T tokens of a batch go through. */
export interface MlpTaps {
  readonly layer: number;
  /** [T, H] */
  readonly input: Value;
  /** [T, I] */
  readonly activation: Value;
  /** Output before the gate of a shared expert is applied, [T, H]. */
  readonly output: Value;
  /** Factor on the output of a gated shared expert, in (0, 1), [T, 1]; null for all other MLPs. */
  readonly outputGate: Value | null;
  /** Gradients in the backward pass; null otherwise. */
  readonly gradients: MlpGradients | null;
}

/** The attention of a block. */
export interface AttentionTaps {
  readonly layer: number;
  /** Input of the projections to queries, keys and values, after the norm, [T, H]. */
  readonly input: Value;
  /** Input of the output projection: what the heads yield, behind their gates where they have some, [T, heads * V]. */
  readonly heads: Value;
}
