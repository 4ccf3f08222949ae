import { spreadOf } from '@moepress/core';
import type { Contributions } from './contribution.js';
import { nameLayers, type Place, type Scope } from './scopes.js';

/** Everything that was decided for one scope; arrays are in the order of its members. */
export interface ScopeDecision {
  readonly scope: Scope;
  readonly contributions: Contributions;
  readonly distances: Float64Array;
  readonly replaceability: Float64Array;
  readonly prototypes: readonly number[];
  readonly prototypeOf: readonly number[];
}

/** Below this spread, (max - min) / median, replaceability says nothing about single experts. */
const leastSpread = 0.01;
/** Experts nearer than this, on a scale where unrelated ones are about 1.41 apart, are near-duplicates. */
const duplicateDistance = 0.01;

/** The part of the plan that describes a scope to its reader. */
export function describeScope(decision: ScopeDecision) {
  const { scope, prototypes, prototypeOf } = decision;
  const layerOf = (member: number) => scope.members[member]!.layer;
  const replaced = [...prototypeOf.keys()].filter((member) => prototypeOf[member] !== member);
  const abroad = replaced.filter((member) => layerOf(member) !== layerOf(prototypeOf[member]!));
  return {
    layers: scope.layers,
    experts: scope.members.length,
    prototypes: prototypes.length,
    /** Index in `layers`. */
    prototypesPerLayer: scope.layers.map((layer) => prototypes.filter((p) => layerOf(p) === layer).length),
    /** Share of the replaced experts that are computed with a prototype of another layer. */
    crossLayerShare: replaced.length === 0 ? 0 : abroad.length / replaced.length,
    /** Spread of the distances to the nearest other expert. */
    replaceability: spreadOf(decision.replaceability),
  };
}

/** Warnings about the result for the user. */
export function warningsOf(decisions: readonly ScopeDecision[]): string[] {
  return [
    warnOfOverlap(decisions),
    warnOfSpread(decisions),
    warnOfSilence(decisions),
    ...decisions.map(warnOfDuplicates),
  ].filter((warning) => warning !== undefined);
}

/** Layers of different scopes share experts where the model was compressed with wider ones before. */
function warnOfOverlap(decisions: readonly ScopeDecision[]): string | undefined {
  const origins = decisions.flatMap(({ scope }) => scope.members.map(({ expert }) => expert.origin));
  const distinct = new Set(origins.map(nameMember));
  if (distinct.size === origins.length) return undefined;
  return 'Layers of different scopes share experts already. An expert stays in the checkpoint while any scope keeps it, so less is removed than the ratio says; a wider scope would remove more.';
}

function warnOfSpread(decisions: readonly ScopeDecision[]): string | undefined {
  const flat = decisions.filter(({ replaceability }) => {
    const { min, median, max } = spreadOf(replaceability);
    return max - min < leastSpread * median;
  });
  if (flat.length === 0) return undefined;
  const where = flat.map(({ scope }) => nameLayers(scope.layers)).join(', ');
  return `All experts are about equally far from each other (distances to the nearest differ by less than 1 %) in ${flat.length} of ${decisions.length} scopes: ${where}. There the choice by distance, and the prototype an expert is replaced by, are nearly arbitrary.`;
}

function warnOfSilence(decisions: readonly ScopeDecision[]): string | undefined {
  const silent = decisions.flatMap(({ scope, contributions }) =>
    scope.members.filter((_, member) => contributions.tokens[member] === 0),
  );
  if (silent.length === 0) return undefined;
  const some = silent.slice(0, 8).map(nameMember);
  const names = silent.length > some.length ? `${some.join(', ')}, ...` : some.join(', ');
  return `${silent.length} experts received no calibration token and count as useless (layer.expert ${names}). More or more varied calibration text would tell.`;
}

function warnOfDuplicates({ scope, distances, prototypeOf }: ScopeDecision): string | undefined {
  const n = prototypeOf.length;
  const replaced = [...prototypeOf.keys()].filter((member) => prototypeOf[member] !== member);
  const pairs = replaced.flatMap((a) =>
    replaced
      .filter((b) => a < b && distances[a * n + b]! < duplicateDistance)
      .map((b) => [a, b].map((member) => nameMember(scope.members[member]!)).join(' and ')),
  );
  if (pairs.length === 0) return undefined;
  return `Near-duplicate experts were both replaced, though keeping one would have served both: ${pairs.length} pairs in ${nameLayers(scope.layers)}, such as ${pairs[0]} (layer.expert).`;
}

const nameMember = ({ layer, index }: Place) => `${layer}.${index}`;
