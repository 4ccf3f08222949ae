import type { Work } from '../events.js';
import type { Graph, Value } from '../evidence/symbolic.js';
import type { LayerPlan } from '../plan/schema.js';
import type { TensorExpr } from '../tensor/expr.js';

/** What a method can compute with the runtime's engine. */
export interface MethodTools {
  /**
   * Inner products of tensors of one shape, taken as vectors: n tensors give n x n numbers, row-major.
   * Products are accumulated in double precision.
   */
  gram(tensors: readonly TensorExpr[], work?: Work): Promise<Float64Array>;
  /**
   * Calls `visit` with each of the MoE layers `layers` in depth order. Each is examined in the otherwise unchanged
   * model on the calibration tokens, with the outputs of all experts computed, so that trying an expert costs only
   * vector arithmetic.
   */
  replayLayers(request: ReplayRequest, visit: (layer: LayerReplay) => Promise<void>): Promise<void>;
  /** The distance of views from the model after the final norm, on the calibration tokens. */
  compareViews(request: CompareRequest): Promise<ViewDistances>;
}

/**
 * The distance of states from a reference, both [T, H] float32: graph fragments that yield one float64 for each
 * token, [T]. What depends on the reference alone is written once, and the returned function is applied to each
 * candidate. Distances are means over each sequence's tokens, then over sequences.
 */
export interface Criterion {
  readonly name: string;
  distanceFrom(graph: Graph, reference: Value): (candidate: Value) => Value;
}

export interface ReplayRequest extends Work {
  /** Indices of decoder layers, all of which have experts. */
  readonly layers: readonly number[];
  readonly criterion: Criterion;
}

/** An expert that runs on every token, its output times a constant. */
export interface WeightedExpert {
  /** Slot of the layer's router. */
  readonly expert: number;
  readonly weight: number;
}

/** One MoE layer whose experts are replaced by constant ones: at first by none. Its shared expert, if any, stays. */
export interface LayerReplay {
  readonly layer: number;
  /** For each candidate, the distance of the layer's output from the original if that candidate alone were added. */
  tryExperts(candidates: readonly WeightedExpert[]): Promise<Float64Array>;
  /** Adds an expert permanently. */
  add(expert: WeightedExpert): Promise<void>;
}

export interface CompareRequest extends Work {
  /** Changes to the model; views whose first layers are equal share the computation of these. */
  readonly views: readonly (readonly LayerPlan[])[];
  readonly criterion: Criterion;
}

export interface ViewDistances {
  /** One distance for each view. */
  readonly distances: Float64Array;
  /** How many times a block was run over the calibration tokens. Without sharing: (views + 1) times the layers. */
  readonly blockRuns: number;
}
