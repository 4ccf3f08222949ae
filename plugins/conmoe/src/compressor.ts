import {
  type Compressor,
  type Model,
  type PlanContext,
  throwIfAborted,
  topIndices,
  warnOfMissedRatio,
} from '@moepress/core';
import { z } from 'zod';
import { contributionNeeds, contributionsOf } from './contribution.js';
import { describeScope, type ScopeDecision, warningsOf } from './diagnose.js';
import { distancesBetween } from './distance.js';
import { nearestPrototypes, planRemap } from './remap.js';
import { budgetOf, checkBudgets, type Scope, scopesOf } from './scopes.js';
import { replaceabilityOf, scoresOf } from './select.js';

const options = z.strictObject({
  /** Fraction of the experts of every scope to remove. */
  ratio: z.number().min(0).lt(1),
  /** Not used: the method is deterministic. */
  seed: z.int().default(0),
  /** Neighbouring MoE layers that share prototypes. */
  scope: z.int().min(1).default(1),
  /** Choose prototypes by contribution and replaceability, or by contribution alone. */
  selection: z.enum(['score', 'reap']).default('score'),
});

export type ConMoeOptions = z.infer<typeof options>;

/**
 * ConMoE: keeps the experts that contribute most and are hardest to replace, and lets the slots of the
 * others compute with the nearest one kept. Routers and prototypes stay bit-identical, so the routing
 * weights of a token still sum to what they did. Throws `RATIO_TOO_HIGH`, before anything is measured, if
 * the routers would select more experts than there are prototypes.
 */
export const conmoe: Compressor<ConMoeOptions> = {
  specVersion: 1,
  name: 'conmoe',
  title: 'ConMoE: prototype selection and deterministic remapping',
  reference: 'arXiv:2605.29350',
  options,
  needs(model, { ratio, scope }) {
    checkBudgets(model, ratio, scope);
    return contributionNeeds;
  },
  outline(model, { ratio, scope: size }) {
    checkBudgets(model, ratio, size);
    return scopesOf(model, size).flatMap((scope) => {
      const budget = budgetOf(scope, ratio);
      // The first of a scope stay, and all others share the last of them.
      const prototypeOf = scope.members.map((_, e) => Math.min(e, budget - 1));
      return planRemap(model, scope, prototypeOf);
    });
  },
  async plan(context) {
    const { model, progress } = context;
    const { ratio, scope: size } = context.options;
    checkBudgets(model, ratio, size);
    const task = 'Comparing experts';
    const scopes = scopesOf(model, size).filter((scope) => budgetOf(scope, ratio) < scope.members.length);
    const decisions: ScopeDecision[] = [];
    progress?.({ type: 'start', task, total: scopes.length, unit: 'scopes' });
    for (const scope of scopes) {
      decisions.push(await decide(scope, context));
      progress?.({ type: 'advance', task, done: decisions.length });
    }
    progress?.({ type: 'end', task });
    return {
      layers: decisions.flatMap(({ scope, prototypeOf }) => planRemap(model, scope, prototypeOf)),
      warnings: [...warningsOf(decisions), ...missedRatio(model, context.options)],
      details: { scopes: decisions.map(describeScope) },
    };
  },
};

function missedRatio(model: Model, { ratio, scope }: ConMoeOptions): string[] {
  const scopes = scopesOf(model, scope);
  const all = scopes.reduce((sum, { members }) => sum + members.length, 0);
  const kept = scopes.reduce((sum, own) => sum + budgetOf(own, ratio), 0);
  const warning = warnOfMissedRatio(
    ratio,
    1 - kept / all,
    'the routed experts',
    'only whole experts of a scope go',
  );
  return warning === undefined ? [] : [warning];
}

async function decide(
  scope: Scope,
  { evidence, options, tools, signal }: PlanContext<ConMoeOptions>,
): Promise<ScopeDecision> {
  throwIfAborted(signal);
  const n = scope.members.length;
  const contributions = contributionsOf(scope, evidence);
  const distances = await distancesBetween(scope.members, tools, { signal });
  const replaceability = replaceabilityOf(distances, n);
  const scores = scoresOf(contributions.values, replaceability, options.selection);
  const prototypes = topIndices(scores, budgetOf(scope, options.ratio));
  const prototypeOf = nearestPrototypes(distances, n, prototypes);
  return { scope, contributions, distances, replaceability, prototypes, prototypeOf };
}
