import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CompressionPlan, MoepressError } from '@moepress/core';
import { afterAll, describe, expect, it } from 'vitest';
import {
  applyPlan,
  compareResults,
  compress,
  createServer,
  evaluate,
  loadResults,
  measureChannels,
  openModel,
  openSession,
  readPlan,
  refine,
  runLeaderboard,
  runSweep,
  saveResults,
  writeCheckpoint,
  writePlan,
} from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'moepress-options-'));
afterAll(() => rmSync(folder, { recursive: true }));
const out = join(folder, 'out');
const model = await openModel('tiny');
const plan = await compress(model, { method: 'random', ratio: 0.5 });
const session = await openSession(model);
afterAll(() => session.close());
const reap = { method: 'reap', ratio: 0.5, cache: false } as const;
const set = { source: 'x', seed: 0, sequences: [[5, 6]] };
const task = { tasks: ['tiny_facts'], limit: 1 };
const recipe = { models: ['tiny'], methods: ['random'], ratios: [0.5], ...task };
const grid = { model: 'tiny', method: 'random', options: { ratio: [0.5] }, ...task };
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
    ['nothing as the plan', 'plan', () => writePlan(wrong(null), out)],
    ['a refined plan without tensors', 'plan', () => writePlan(wrong({ plan }), out)],
    ['a plan file without tensors', 'plan', () => applyPlan(model, wrong({ plan }))],
    ['a number as the place of a plan', 'place', () => writePlan(plan, wrong(5))],
    ['a number as a plan to read', 'place', () => readPlan(wrong(5))],
    ['a number as results', 'path', () => loadResults(wrong(5))],
    ['a number as results to compare', 'first', () => compareResults(wrong(5), out)],
    ['an evaluation that is none', 'evaluation', () => saveResults(wrong(5), out)],
    ['no folder of results', 'folder', () => saveResults(wrong({}), wrong(undefined))],
    ['no folder of a checkpoint', 'folder', () => writeCheckpoint(model, plan, wrong(undefined))],
    ['no refiner', 'refiner', () => refine(model, plan, wrong({ train: 'tiny:2x16' }))],
    ['an unknown score of channels', 'score', () => measureChannels(model, { score: wrong('zzz') })],
    ['a number as calibration', 'calibration', () => compress(model, wrong({ ...reap, calibration: 5 }))],
    [
      'a number as what to measure on',
      'calibration',
      () => measureChannels(model, { calibration: wrong(5) }),
    ],
    ['no sequences to score', 'items', () => session.score(wrong(undefined))],
    ['a number as a sequence', 'items', () => session.score(wrong([5]))],
    ['no prompts', 'prompts', () => session.generate(wrong(5), { maxNewTokens: 1, eosTokenIds: [] })],
    ['no options of generating', 'options', () => session.generate([[5]], wrong(undefined))],
    ['no bound of generating', 'maxNewTokens', () => session.generate([[5]], wrong({ eosTokenIds: [] }))],
    ['a list of ids to trace', 'sequences', () => session.trace(wrong([5, 6]))],
    ['no calibration set', 'set', () => session.calibrate(wrong(undefined), [])],
    ['a port that is none', 'port', () => createServer(model, { port: 70_000 })],
    ['no requests at once', 'maxRequests', () => createServer(model, { maxRequests: 0 })],
    ['a text as patience', 'requestTimeout', () => createServer(model, wrong({ requestTimeout: '5' }))],
    ['a text as hosts', 'allowedHosts', () => createServer(model, wrong({ allowedHosts: 'x' }))],
    ['no statistics', 'statistics', () => session.calibrate(set, wrong(undefined))],
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

  it.each<[string, () => Promise<unknown>]>([
    ['ratio', () => compress(model, { method: 'reap', ratio: 2 })],
    ['ratio', () => compress(model, { method: 'random', ratio: 0.99 })],
    ['options.ratio', () => compress(model, { method: 'reap', options: { ratio: 2 } })],
    ['seed', () => compress(model, { method: 'reap', ratio: 0.5, seed: 1.5 })],
    ['seed', () => refine(model, plan, { refiner: 'distil', train: 'tiny:2x16', seed: 1.5 })],
    ['train', () => refine(model, plan, { refiner: 'distil', train: 'x:y' })],
    ['train', () => refine(model, plan, wrong({ refiner: 'distil' }))],
    ['validate', () => refine(model, plan, { refiner: 'distil', train: 'tiny:2x16', validate: 'x[y]' })],
    ['against', () => measureChannels(model, { against: 'x:y' })],
  ])('is named as it is given: %s', async (where, use) => {
    await expect(use()).rejects.toMatchObject({ where });
  });

  it('writes no plan for a signal that is aborted', async () => {
    await expect(writePlan(plan, out, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is told what onProgress throws, and no failure of writing', async () => {
    const reason = new Error('enough');
    const onProgress = () => {
      throw reason;
    };
    await expect(writeCheckpoint(model, plan, out, { onProgress })).rejects.toBe(reason);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is told what an asynchronous onProgress rejects with, and it is not left unhandled', async () => {
    const reason = new Error('enough');
    const onProgress = () => Promise.reject(reason);
    // Vitest fails where a rejection is unhandled.
    await expect(writeCheckpoint(model, plan, out, { onProgress })).rejects.toBe(reason);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each<[string, string, (out: string) => Promise<unknown>]>([
    ['a leaderboard', 'results.jsonl', (place) => runLeaderboard(recipe, { out: place, cache: false })],
    ['a sweep', 'results.ndjson', (place) => runSweep(grid, { out: place, cache: false })],
  ])('writes %s to no folder that holds something else', async (_, results, run) => {
    const place = join(folder, 'strange');
    for (const [name, text] of [
      ['notes.txt', 'x'],
      [results, '[1]'],
    ] as const) {
      mkdirSync(place);
      writeFileSync(join(place, name), text);
      await expect(run(place)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS', where: place });
      expect(readdirSync(place)).toEqual([name]);
      rmSync(place, { recursive: true });
    }
    await run(place);
    const names = readdirSync(place);
    await run(place);
    expect(readdirSync(place)).toEqual(names);
    rmSync(place, { recursive: true });
  });
});
