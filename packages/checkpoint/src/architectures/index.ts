import { type ErrorDetails, MoepressError, suggest } from '@moepress/core/errors';
import * as listed from './list.js';
import type { ArchitectureManifest } from './manifest.js';

const known: ArchitectureManifest[] = Object.values(listed);

/** Every family that can be opened and written; those that were registered come last. */
export const architectures: readonly ArchitectureManifest[] = known;

/** Adds a family, or replaces the one of its `modelType`: see `registerArchitectures`, which checks it. */
export function addArchitecture(manifest: ArchitectureManifest): void {
  const place = known.findIndex(({ modelType }) => modelType === manifest.modelType);
  known.splice(place < 0 ? known.length : place, 1, manifest);
}

/** A model of a family that is not known, which a plugin may know. */
export class UnknownArchitecture extends MoepressError {
  constructor(
    readonly modelType: string,
    details: ErrorDetails,
  ) {
    super('ARCHITECTURE_UNKNOWN', details);
  }
}

/** Throws `ARCHITECTURE_UNKNOWN`, with the names of those that are known. */
export function findArchitecture(modelType: string, where: string): ArchitectureManifest {
  const found = architectures.find((manifest) => manifest.modelType === modelType);
  if (found) return found;
  const types = architectures.map((manifest) => manifest.modelType);
  const guess = suggest(modelType, types);
  throw new UnknownArchitecture(modelType, {
    message: `The architecture "${modelType}" is not known.${guess ? ` Did you mean "${guess}"?` : ''} Known are ${types.join(', ')}.`,
    where,
    hint: 'Use a model of a known family, or see with "moepress inspect" and docs/architectures.md what this one would take.',
  });
}
