import {
  type CompressionPlan,
  type Evidence,
  type FoundMethod,
  MoepressError,
  type Work,
} from '@moepress/core';
import { planCompression, planInOrder } from '@moepress/runtime';
import type { ModelSession } from '../session.js';
import type { Calibration } from '../statistics/calibration.js';
import { batchViewComparisons, type Job, type Wrap } from './batch-view-comparisons.js';

/** A method and what it is told; its schema judges that. */
export interface MethodRequest {
  readonly method: FoundMethod;
  readonly options: object;
  /** Further calibration sets that it compares; absent for one set. */
  readonly domains?: readonly Calibration[] | undefined;
  /** Whether each layer is measured on what the layers below give as they were decided about. */
  readonly propagate?: boolean | undefined;
}

/** Methods whose views run together. More would save little, and take memory for what all of them consider. */
export const plannedTogether = 16;

/**
 * The plans of several methods, or of one with several options, on one calibration set. What it has been told that they
 * need is measured once, and views that they compare are run together. Throws what `planCompression` throws.
 */
export async function planAll(
  { engine, model }: Pick<ModelSession, 'engine' | 'model'>,
  requests: readonly MethodRequest[],
  calibration: Calibration,
  work: Work,
): Promise<CompressionPlan[]> {
  const plans: CompressionPlan[] = [];
  for (let from = 0; from < requests.length; from += plannedTogether) {
    const jobs = requests.slice(from, from + plannedTogether).map(
      ({ method, options, domains, propagate }): Job<CompressionPlan> =>
        (wrap) => {
          if (propagate) {
            if (domains) throw severalSets();
            return planInOrder(engine, {
              ...work,
              model,
              method,
              options,
              calibration: () => calibration.set(),
            });
          }
          return planCompression(engine, {
            ...work,
            model,
            method: withTools(method, wrap),
            options,
            measure: () => calibration.evidence(engine, model, work),
            measureDomains: domains && (() => measureEach(domains, engine, model, work)),
            calibration: () => calibration.set(),
          });
        },
    );
    plans.push(...(await batchViewComparisons(jobs)));
  }
  return plans;
}

function severalSets(): MoepressError {
  return new MoepressError('OPTIONS_INVALID', {
    message: 'Calibration sets are compared on the original, and not layer by layer.',
    where: 'propagate',
    hint: 'Leave out `propagate` or `domains`.',
  });
}

async function measureEach(
  domains: readonly Calibration[],
  ...measuring: Parameters<Calibration['evidence']>
): Promise<Evidence[]> {
  const measured: Evidence[] = [];
  for (const domain of domains) measured.push(await domain.evidence(...measuring));
  return measured;
}

function withTools({ compressor, origin }: FoundMethod, wrap: Wrap): FoundMethod {
  return {
    origin,
    compressor: {
      ...compressor,
      plan: (context) => compressor.plan({ ...context, tools: wrap(context.tools) }),
    },
  };
}
