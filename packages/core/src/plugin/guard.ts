import { MoepressError } from '../errors/error.js';
import { shown } from '../errors/shown.js';
import type { Statistic } from '../evidence/statistic.js';
import type { MethodOrigin } from '../method/build-plan.js';
import type { Compressor, PlanDecision } from '../method/compressor.js';
import type { Refiner } from '../method/refiner.js';
import { layersSchema } from '../plan/schema.js';
import { frozen } from './frozen.js';
import { isStatistics, wantedStatistics } from './is-statistics.js';

/**
 * The same method with its errors converted to `PLUGIN_INVALID` naming its package, because moepress cannot fix them.
 */
export function guarded(compressor: Compressor, origin: MethodOrigin): Compressor {
  const { specVersion, name, title, reference, options } = compressor;
  const failure = failureOf(`Method "${name}"`, origin);
  return {
    specVersion,
    name,
    title,
    reference,
    options,
    needs(model, given) {
      try {
        return checkedNeeds(compressor.needs(frozen(model), frozen(given)));
      } catch (error) {
        throw failure(error);
      }
    },
    ...(compressor.outline && {
      outline(model, given) {
        try {
          return layersSchema.parse(compressor.outline!(frozen(model), frozen(given)));
        } catch (error) {
          throw failure(error);
        }
      },
    }),
    ...(compressor.comparesSets && { comparesSets: (given) => compressor.comparesSets!(given) }),
    ...(compressor.decidesByLayer && { decidesByLayer: (given) => compressor.decidesByLayer!(given) }),
    async plan(context) {
      try {
        const { model, options: checked } = context;
        return checkedDecision(
          await compressor.plan({ ...context, model: frozen(model), options: frozen(checked) }),
        );
      } catch (error) {
        throw failure(error);
      }
    },
  };
}

/** The same for a refiner. */
export function guardedRefiner(refiner: Refiner, origin: MethodOrigin): Refiner {
  const { specVersion, name, title, reference, options } = refiner;
  const failure = failureOf(`Refiner "${name}"`, origin);
  return {
    specVersion,
    name,
    title,
    reference,
    options,
    async refine(context) {
      try {
        return await refiner.refine(context);
      } catch (error) {
        throw failure(error);
      }
    },
  };
}

function checkedNeeds(needs: readonly Statistic[]): readonly Statistic[] {
  if (isStatistics(needs)) return needs;
  throw new TypeError(`needs() gave ${shown(needs)}: ${wantedStatistics} was wanted.`);
}

/** The layers themselves are checked with the plan that is made of them. */
function checkedDecision(decision: PlanDecision): PlanDecision {
  if (typeof decision === 'object' && Array.isArray(decision?.layers)) return decision;
  throw new TypeError(`plan() gave ${shown(decision)}: an object with a list of layers was wanted.`);
}

const failureOf =
  (what: string, { package: packageName, version }: MethodOrigin) =>
  (cause: unknown): unknown => {
    const isAbort = cause instanceof Error && cause.name === 'AbortError';
    if (isAbort || MoepressError.isInstance(cause)) return cause;
    return new MoepressError('PLUGIN_INVALID', {
      message: `${what} failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      where: `${packageName} ${version}`,
      hint: isWriting(cause)
        ? 'Report this to the author of the plugin: the model and the options are to be read alone, and changed in copies.'
        : 'Report this to the author of the plugin.',
      cause,
    });
  };

/** What is thrown by writing to what is frozen. */
const isWriting = (cause: unknown): boolean =>
  cause instanceof TypeError && /read.?only|not extensible|Cannot delete/.test(cause.message);
