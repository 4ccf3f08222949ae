import type { LayerEvidence } from '../../evidence/evidence.js';
import type { Statistic } from '../../evidence/statistic.js';
import type { MoeFfn } from '../../model/model.js';
import type { OptionsSchema } from '../options-schema.js';

/**
 * Divides among the layers how many experts go, for any ranking of experts. A budget of a plugin's `budgets` is chosen by its
 * name: `budget: name`, or `budget: { name, ... }` with its own options.
 */
export interface Budget<Options = unknown> {
  readonly specVersion: 1;
  /** The name that a user gives as `budget`. */
  readonly name: string;
  readonly title: string;
  /** The source of the rule: a paper, or common practice. */
  readonly reference: string;
  readonly options: OptionsSchema<Options>;
  /** Whether every layer loses the same share, so that a model with equal layers stays one. */
  readonly isUniform: boolean;
  /** Whether these options say themselves how much goes, so that a ratio would contradict them; false if absent. */
  setsSize?(options: Options): boolean;
  /** Whether the scores of several calibration sets are wanted; false if absent. */
  readonly comparesSets?: boolean;
  /** What it measures beside what the ranking needs. */
  needs?(options: Options): readonly Statistic[];
  /** A decision for each layer of the context, in its order. */
  allot(context: BudgetContext<Options>): readonly LayerAllotment[];
}

export interface BudgetContext<Options> {
  /** The MoE layers in depth order. */
  readonly layers: readonly BudgetLayer[];
  readonly options: Options;
}

/** What a layer loses. */
export interface LayerAllotment {
  /** How often `step` experts leave: a whole number from 0 to `most`. */
  readonly steps: number;
  /** A ranking of the layer's experts in place of the scorer's, one number for each entry of the pool; the lowest leave. */
  readonly scores?: Float64Array;
}

/**
 * A layer as a budget sees it. Experts leave in steps: one expert at a time, or one of each group where a router selects
 * within groups, which have to stay of one size.
 */
export interface BudgetLayer {
  /** Index of the decoder layer. */
  readonly layer: number;
  readonly ffn: MoeFfn;
  /** What the ranking gave each expert of the pool; experts with high scores are kept. */
  readonly scores: Float64Array;
  /** The same by calibration set; one entry, unless the user gave several sets. */
  readonly scoresBySet: readonly Float64Array[];
  /** Experts that leave in one step. */
  readonly step: number;
  /** What each step takes away: the sum of the scores of the experts that leave, in the order in which they do. */
  readonly costs: Float64Array;
  /** The most steps that the router, and experts that must stay, leave room for. */
  readonly most: number;
  /** Steps of a uniform budget: floor(ratio * experts / step), which may be more than `most`; 0 without a ratio. */
  readonly share: number;
  /** What the budget's own `needs`, and those of the ranking, measured in this layer. */
  readonly evidence: LayerEvidence;
}

/** How many steps a uniform budget takes in all layers together: what the ratio stands for. */
export const totalSteps = (layers: readonly BudgetLayer[]): number =>
  layers.reduce((sum, { share }) => sum + share, 0);

/** One step of one layer. */
export interface Step {
  /** Position of the layer in the context. */
  readonly layer: number;
  /** The number of the step in its layer, from 0. */
  readonly index: number;
  readonly cost: number;
}

/**
 * The first `count` steps of all layers by cost, where `costs` never fall within a layer: how many each layer takes. Of equal
 * costs the deeper layer's step comes first.
 */
export function cheapestSteps(costs: readonly (readonly number[])[], count: number): number[] {
  const steps = costs.flatMap((own, layer): Step[] => own.map((cost, index) => ({ layer, index, cost })));
  const order = steps.sort((a, b) => a.cost - b.cost || b.layer - a.layer || a.index - b.index);
  const taken = costs.map(() => 0);
  for (const { layer } of order.slice(0, count)) taken[layer]! += 1;
  return taken;
}
