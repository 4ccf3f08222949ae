import type { Work } from '../events.js';
import type { Graph, Value } from '../evidence/symbolic.js';
import type { LayerPlan } from '../plan/schema.js';
import type { TensorExpr } from '../tensor/expr.js';

/** What a method may ask of the runtime, which has an engine. */
export interface MethodTools {
  /**
   * Inner products of tensors of one shape, taken as vectors: n tensors give n x n numbers, row-major.
   * Products are accumulated in double precision.
   */
  gram(tensors: readonly TensorExpr[], work?: Work): Promise<Float64Array>;
  /**
   * Shows `visit` the MoE layers `layers`, in depth order, each in the otherwise unchanged model on the
   * calibration tokens, with the outputs of all experts at hand: trying an expert costs vector arithmetic.
   */
  replayLayers(request: ReplayRequest, visit: (layer: LayerReplay) => Promise<void>): Promise<void>;
  /** How far views of the model are from it after the final norm, on the calibration tokens. */
  compareViews(request: CompareRequest): Promise<ViewDistances>;
}

/**
 * How far states are from a reference, [T, H] float32 both: graph fragments that yield one float64 for
 * each token, [T]. What depends on the reference alone is written once, the function that comes out for
 * each candidate. Distances are means over each sequence's tokens, then over sequences.
 */
export interface Criterion {
  readonly name: string;
  distanceFrom(graph: Graph, reference: Value): (candidate: Value) => Value;
}

export interface ReplayRequest extends Work {
  /** Decoder layers, all with experts. */
  readonly layers: readonly number[];
  readonly criterion: Criterion;
}

/** An expert that runs on every token, its output times a constant. */
export interface WeightedExpert {
  /** Slot of the layer's router. */
  readonly expert: number;
  readonly weight: number;
}

/** One MoE layer whose experts are replaced by constant ones: at first none; its shared expert, if any, stays. */
export interface LayerReplay {
  readonly layer: number;
  /** Distance of the layer's output from the original's were each candidate added alone, one number each. */
  tryExperts(candidates: readonly WeightedExpert[]): Promise<Float64Array>;
  /** Adds an expert for good. */
  add(expert: WeightedExpert): Promise<void>;
}

export interface CompareRequest extends Work {
  /** Changes of the model; views that begin with the same unchanged or equally changed layers share their work. */
  readonly views: readonly (readonly LayerPlan[])[];
  readonly criterion: Criterion;
}

export interface ViewDistances {
  /** One for each view. */
  readonly distances: Float64Array;
  /** How many times a block went over the calibration tokens. Each view by itself: (views + 1) times the layers. */
  readonly blockRuns: number;
}
