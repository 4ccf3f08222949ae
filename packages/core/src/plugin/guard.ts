import { MoepressError } from '../errors/error.js';
import type { MethodOrigin } from '../method/build-plan.js';
import type { Compressor } from '../method/compressor.js';
import type { Refiner } from '../method/refiner.js';
import { layersSchema } from '../plan/schema.js';

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
        return compressor.needs(model, given);
      } catch (error) {
        throw failure(error);
      }
    },
    ...(compressor.outline && {
      outline(model, given) {
        try {
          return layersSchema.parse(compressor.outline!(model, given));
        } catch (error) {
          throw failure(error);
        }
      },
    }),
    ...(compressor.comparesSets && { comparesSets: (given) => compressor.comparesSets!(given) }),
    ...(compressor.decidesByLayer && { decidesByLayer: (given) => compressor.decidesByLayer!(given) }),
    async plan(context) {
      try {
        return await compressor.plan(context);
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

const failureOf =
  (what: string, { package: packageName, version }: MethodOrigin) =>
  (cause: unknown): unknown => {
    const isAbort = cause instanceof Error && cause.name === 'AbortError';
    if (isAbort || MoepressError.isInstance(cause)) return cause;
    return new MoepressError('PLUGIN_INVALID', {
      message: `${what} failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      where: `${packageName} ${version}`,
      hint: 'Report this to the author of the plugin.',
      cause,
    });
  };
