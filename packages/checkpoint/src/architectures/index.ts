import { MoepressError, suggest } from '@moepress/core/errors';
import * as listed from './list.js';
import type { ArchitectureManifest } from './manifest.js';

/** Every family that can be opened and written, by the names of their constants. */
export const architectures: readonly ArchitectureManifest[] = Object.values(listed);

/** Throws `ARCHITECTURE_UNKNOWN`, with the names of those that are known. */
export function findArchitecture(modelType: string, where: string): ArchitectureManifest {
  const found = architectures.find((manifest) => manifest.modelType === modelType);
  if (found) return found;
  const known = architectures.map((manifest) => manifest.modelType);
  const guess = suggest(modelType, known);
  throw new MoepressError('ARCHITECTURE_UNKNOWN', {
    message: `The architecture "${modelType}" is not known.${guess ? ` Did you mean "${guess}"?` : ''} Known are ${known.join(', ')}.`,
    where,
    hint: 'Use a model of a known family, or see with "moepress inspect" and docs/architectures.md what this one would take.',
  });
}
