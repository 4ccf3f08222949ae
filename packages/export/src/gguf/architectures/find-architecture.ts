import { type Feature, featureTexts } from './feature-texts.js';
import type { GgufArchitecture } from './gguf-architecture.js';
import { ggufArchitectures } from './gguf-architectures.js';

/** The architecture that a family is written as; undefined where llama.cpp does not know the family. */
export const ggufArchitectureOf = (family: string): GgufArchitecture | undefined =>
  ggufArchitectures.find(({ families }) => families.includes(family));

/** What keeps a view from being written as an architecture, a fragment of a sentence each. */
export function obstacles({ holds, needs = [] }: GgufArchitecture, features: ReadonlySet<Feature>): string[] {
  const known: ReadonlySet<Feature> = new Set(holds);
  return [
    ...[...features]
      .filter((feature) => !known.has(feature))
      .map((feature) => `has ${featureTexts[feature]}`),
    ...needs.filter((feature) => !features.has(feature)).map((feature) => `lacks ${featureTexts[feature]}`),
  ];
}
