import { MoepressError } from '../errors/error.js';
import type { Compressor } from '../method/compressor.js';
import type { MethodOrigin } from '../plan/build.js';

/** The method, whose own failures become `PLUGIN_INVALID` and name its package: they are not ours to mend. */
export function guarded(compressor: Compressor, origin: MethodOrigin): Compressor {
  const { specVersion, name, title, reference, options } = compressor;
  const failure = (cause: unknown): unknown => {
    const isAbort = cause instanceof Error && cause.name === 'AbortError';
    if (isAbort || MoepressError.isInstance(cause)) return cause;
    return new MoepressError('PLUGIN_INVALID', {
      message: `Method "${name}" failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      where: `${origin.package} ${origin.version}`,
      mend: 'Report this to the author of the plugin.',
      cause,
    });
  };
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
    async plan(context) {
      try {
        return await compressor.plan(context);
      } catch (error) {
        throw failure(error);
      }
    },
  };
}
