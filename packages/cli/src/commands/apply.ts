import { parsePlan } from '@moepress/core';
import type { ExpertLayout } from '@moepress/export';
import type { Context } from '../context.js';
import { openBase } from '../source/model.js';
import { readText } from '../source/text.js';
import { outputCheckpoint } from './compress.js';

export interface ApplyOptions {
  readonly out: string;
  readonly layout: ExpertLayout;
  readonly revision?: string;
}

/** `moepress apply <plan.json> <model>` */
export async function apply(
  planFile: string,
  id: string,
  options: ApplyOptions,
  context: Context,
): Promise<void> {
  const plan = parsePlan(await readText(planFile, 'PLAN_INVALID'), planFile);
  const base = await openBase(id, { ...options, ...context.work });
  await outputCheckpoint(base, plan, options.out, options.layout, context);
}
