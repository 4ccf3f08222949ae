import type { Work } from '../events.js';
import type { Evidence } from '../evidence/evidence.js';
import type { Statistic } from '../evidence/statistic.js';
import type { Model } from '../model/model.js';
import type { LayerPlan } from '../plan/schema.js';
import type { OptionsSchema } from './options-schema.js';
import type { Rng } from './rng.js';
import type { MethodTools } from './tools.js';

/**
 * A compression method. It says what must be measured and turns the measurements into decisions;
 * it touches neither weights nor engine.
 */
export interface Compressor<Options extends CompressionOptions = CompressionOptions> {
  readonly specVersion: 1;
  /** The name that a user gives as `method`. */
  readonly name: string;
  readonly title: string;
  readonly reference: string;
  readonly options: OptionsSchema<Options>;
  needs(model: Model, options: Options): readonly Statistic[];
  plan(context: PlanContext<Options>): Promise<PlanDecision>;
  /**
   * Layers of a plan that removes as much as one with these options would, whichever parts it removes: `inspect`
   * counts them. Nothing is measured. Throws what `needs` throws. Absent if the size is unknown before measuring.
   */
  outline?(model: Model, options: Options): readonly LayerPlan[];
  /**
   * Whether the decision compares several calibration sets, of which those beyond the first are `PlanContext.domains`; if it is
   * absent or false, there is one.
   */
  comparesSets?(options: Options): boolean;
  /**
   * Whether each layer is decided by what is measured in it alone, so that `plan` may be asked about one block at a time
   * (`propagate`): a model of that block, and the evidence of it. False if absent.
   */
  decidesByLayer?(options: Options): boolean;
}

/** Options that every method has. */
export interface CompressionOptions {
  /** Fraction of the routed-expert parameters to remove, in [0, 1); absent where a method has a size of its own. */
  readonly ratio?: number | undefined;
  readonly seed: number;
}

export interface PlanContext<Options> extends Work {
  readonly model: Model;
  /** Null if the method needs no statistics. */
  readonly evidence: Evidence | null;
  /** The same statistics on further calibration sets, for a method that compares them; absent for any other. */
  readonly domains?: readonly Evidence[] | undefined;
  readonly options: Options;
  readonly rng: Rng;
  readonly tools: MethodTools;
}

/** The decision of a method; core adds the provenance and turns it into a plan. */
export interface PlanDecision {
  readonly layers: readonly LayerPlan[];
  /** Warnings for the user about the result. */
  readonly warnings?: readonly string[];
  /** Numbers behind the decision, kept in the plan for its readers. */
  readonly details?: Readonly<Record<string, unknown>>;
}
