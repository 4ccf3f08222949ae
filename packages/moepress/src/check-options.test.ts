import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CompressionPlan, MoepressError } from '@moepress/core';
import { afterAll, describe, expect, it } from 'vitest';
import {
  applyPlan,
  compress,
  evaluate,
  openModel,
  openSession,
  writeCheckpoint,
  writePlan,
} from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'moepress-options-'));
afterAll(() => rmSync(folder, { recursive: true }));
const out = join(folder, 'out');
const model = await openModel('tiny');
const plan = await compress(model, { method: 'random', ratio: 0.5 });
/** What TypeScript would refuse. */
const wrong = <T>(value: unknown): T => value as T;

describe('what is given to the library', () => {
  it.each<[string, string, () => unknown]>([
    ['no model', 'model', () => openModel(wrong(undefined))],
    ['a number as the model', 'model', () => openSession(wrong(5))],
    ['an unknown device', 'device', () => openSession(model, { device: wrong('tpu') })],
    ['a negative number of threads', 'threads', () => openSession(model, { threads: -3 })],
    ['memory as a text', 'memory', () => openSession(model, { memory: wrong('8GB') })],
    ['no method', 'method', () => compress(model, wrong({}))],
    ['a method that is none', 'method', () => compress(model, { method: wrong(5) })],
    ['no tasks', 'tasks', () => evaluate(model, wrong({}))],
    ['an empty list of tasks', 'tasks', () => evaluate(model, { tasks: [] })],
    ['an unknown layout', 'layout', () => writeCheckpoint(model, plan, out, { layout: wrong('zzz') })],
    ['an unknown choice of mtp', 'mtp', () => writeCheckpoint(model, plan, out, { mtp: wrong('zzz') })],
    ['a plan without layers', 'plan', () => applyPlan(model, wrong({ ...plan, layers: undefined }))],
    ['a plan of another version', 'plan', () => applyPlan(model, wrong({ ...plan, version: 99 }))],
    ['a plan that is none', 'plan', () => writePlan(wrong<CompressionPlan>({}), out)],
  ])('is refused and named: %s', async (_, where, use) => {
    const error = await (async () => use())().then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(MoepressError.isInstance(error) && [error.code, error.where]).toEqual([
      where === 'plan' ? 'PLAN_INVALID' : 'INPUT_INVALID',
      where,
    ]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('writes no plan for a signal that is aborted', async () => {
    await expect(writePlan(plan, out, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});
