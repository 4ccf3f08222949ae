import { MoepressError, shown } from '@moepress/core/errors';
import { addArchitecture, architectures } from './index.js';
import type { ArchitectureManifest } from './manifest.js';
import { manifestProblem } from './manifest-schema.js';

/** What brought a family, for messages. */
export interface ManifestOrigin {
  readonly package: string;
  readonly version: string;
}

const registered = new Map<string, string>();

/**
 * Makes families of a plugin known in this process: models of them are opened and written as those of families that come with
 * moepress. Throws `PLUGIN_INVALID` for what is no manifest, naming the field, and for a `modelType` that is known already.
 */
export function registerArchitectures(given: readonly unknown[], origin: ManifestOrigin): void {
  const where = `${origin.package} ${origin.version}`;
  const invalid = (message: string, hint: string) =>
    new MoepressError('PLUGIN_INVALID', { message, where, hint });
  for (const one of given) {
    const manifest = one as ArchitectureManifest;
    const problem = manifestProblem(one);
    if (problem !== null) {
      throw invalid(
        `In the manifest of the architecture ${shown(manifest?.modelType ?? null)} ${problem}`,
        'See docs/architectures.md for what a manifest holds, or report this to the author of the plugin.',
      );
    }
    const known = architectures.find(({ modelType }) => modelType === manifest.modelType);
    const owner = registered.get(manifest.modelType);
    if (known !== undefined && owner !== origin.package) {
      throw invalid(
        `The architecture "${manifest.modelType}" of ${origin.package} is one of ${owner ?? 'moepress'} already.`,
        'Use one of the two.',
      );
    }
    addArchitecture(manifest);
    registered.set(manifest.modelType, origin.package);
  }
}
