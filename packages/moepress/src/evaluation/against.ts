import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Model } from '@moepress/core';
import type { ComparedScore } from '@moepress/harness';
import { sumScores } from '@moepress/runtime';
import { isObject } from '../check-options.js';
import { type ModelInput, type ModelOptions, resolveModel } from '../models/open-model.js';
import type { WorkOptions } from '../options.js';
import type { PlanInput } from '../plans/plan-file.js';
import type { ModelSession } from '../session.js';
import { type SessionEngine, sessionEngine } from './session-engine.js';

/**
 * What a model is compared with: another model, or a plan for the base of the one that is evaluated. A text is the path of
 * a plan where a file or a folder with plan.json is there, else a model.
 */
export type Against = ModelInput | PlanInput;

/** The model that is meant; `base` is that which is evaluated, without its plan. Throws what `resolveModel` throws. */
export async function resolveAgainst(
  against: Against,
  base: ModelInput,
  options: ModelOptions & WorkOptions,
): Promise<Model> {
  if (isModel(against)) return resolveModel(against, options);
  if (typeof against === 'string' && !(await isPlan(against))) return resolveModel(against, options);
  return resolveModel(base, { ...options, plan: against });
}

const isModel = (against: Against): against is Model => isObject(against) && 'blocks' in against;

async function isPlan(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => null);
  if (!info?.isDirectory()) return info !== null;
  const has = (name: string) =>
    stat(join(path, name)).then(
      () => true,
      () => false,
    );
  return (await has('plan.json')) && !(await has('config.json'));
}

/** The engine of a session that also tells how far each token has moved from the original. */
export function comparingEngine(session: ModelSession, original: Model): SessionEngine {
  let elsewhere = 0;
  return {
    ...sessionEngine(session),
    elsewhere: () => elsewhere,
    async score(items, work): Promise<ComparedScore[]> {
      const started = performance.now();
      let own = 0;
      const onScored = (milliseconds: number) => {
        own += milliseconds;
      };
      const compared = await session.compareTokens(original, items, { ...work, onScored });
      elsewhere += performance.now() - started - own;
      return compared.map((tokens, i) => ({
        ...sumScores(items[i]!, tokens),
        movement: tokens.map(({ divergence, agrees }) => [divergence, agrees ? 1 : 0] as const),
      }));
    },
  };
}
