import { type Compressor, canonicalJson, definePlugin, planHash } from '@moepress/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { compress, compressAll, type MethodChoice } from './compress.js';
import { evaluate } from './evaluate.js';
import { openModel } from './models/open-model.js';
import { applyPlan } from './plans/plan-file.js';
import { type ModelSession, openSession } from './session.js';

/** Keeps every expert. */
const idle: Compressor = {
  specVersion: 1,
  name: 'idle',
  title: 'Idle',
  reference: 'none',
  options: z.strictObject({ ratio: z.number().optional(), seed: z.int() }),
  needs: () => [],
  plan: async () => ({ layers: [] }),
};
const model = await openModel('tiny');
let session: ModelSession;
beforeAll(async () => {
  session = await openSession(model);
});
afterAll(() => session.close());

describe('compressAll', () => {
  it('plans as each choice does alone, also when all overlap on one session', async () => {
    const choices: MethodChoice[] = [
      { method: 'conmoe', ratio: 0.25, calibration: 'tiny:4' },
      { method: 'conmoe', ratio: 0.5, calibration: 'tiny:4' },
      { method: 'reap', ratio: 0.25, calibration: 'tiny:4' },
      { method: 'reap', ratio: 0.25, calibration: 'tiny_gsm[train]:4' },
      { method: 'random', ratio: 0.5, seed: 3 },
    ];
    const options = { session, cache: false } as const;
    const alone = [];
    for (const choice of choices) alone.push(planHash(await compress(model, { ...choice, ...options })));
    const [together, apart] = await Promise.all([
      compressAll(model, choices, options),
      Promise.all(choices.map((choice) => compress(model, { ...choice, ...options }))),
    ]);
    expect(together.map(planHash)).toEqual(alone);
    expect(apart.map(planHash)).toEqual(alone);
    expect(new Set(alone).size).toBe(choices.length);
  });
});

describe('compress', () => {
  it('takes methods of a program, by themselves and in a plugin', async () => {
    const plan = await compress(model, { method: idle });
    expect(plan.method).toEqual({ name: 'idle', package: 'program', version: '0.0.0' });
    const plugins = [definePlugin({ name: 'moepress-plugin-idle', compressors: [idle] })];
    const named = await compress(model, { method: 'idle', plugins });
    expect(named.method).toEqual({ name: 'idle', package: 'moepress-plugin-idle', version: '0.0.0' });
  });

  it.each([
    ['a method', { method: 'conmo' }, { code: 'METHOD_UNKNOWN', where: 'method' }],
    ['an option', { method: 'reap', ratio: 2 }, { code: 'OPTIONS_INVALID', where: 'ratio' }],
    [
      'a text',
      { method: 'reap', ratio: 0.5, calibration: '?' },
      { code: 'CALIBRATION_INVALID', where: 'calibration' },
    ],
  ])('names %s that is wrong', async (_, options, error) => {
    await expect(compress('tiny', options)).rejects.toMatchObject(error);
  });

  it('ends when it is told to', async () => {
    const stop = new AbortController();
    const onProgress = () => stop.abort();
    const work = { signal: stop.signal, onProgress, cache: false } as const;
    const run = compress(model, { method: 'reap', ratio: 0.5, ...work });
    await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('a session', () => {
  it('is of one model, and does nothing once it is closed', async () => {
    const view = applyPlan(model, await compress(model, { method: idle }));
    const other = { session, tasks: ['tiny_facts'], limit: 1 };
    await expect(evaluate(view, other)).rejects.toMatchObject({ code: 'INPUT_INVALID', where: 'session' });
    const own = await openSession(model);
    await own.close();
    await expect(own.score([{ ids: [1, 2], from: 1 }])).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
    const closed = { session: own, method: 'reap', ratio: 0.5, calibration: 'tiny:4', cache: false } as const;
    await expect(compress(model, closed)).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
  });
});

describe('evaluate', () => {
  it('scores a view under a name of its own', async () => {
    const plan = await compress(model, { method: 'random', ratio: 0.5 });
    const view = applyPlan(model, plan);
    const options = { tasks: ['tiny_facts'], limit: 4, cache: false } as const;
    const [first, second] = [await evaluate(view, options), await evaluate(model, { ...options, plan })];
    expect(first.record.model_name).toMatch(/^tiny\+plan-[0-9a-f]{12}$/);
    expect(canonicalJson(second.samples)).toBe(canonicalJson(first.samples));
  });

  it('refuses what a server cannot take, before it asks anything', async () => {
    const backend = { kind: 'server', baseUrl: 'http://127.0.0.1:1/v1' } as const;
    const run = evaluate('tiny', { tasks: ['tiny_facts'], backend, threads: 1 });
    await expect(run).rejects.toMatchObject({ code: 'INPUT_INVALID', where: 'threads' });
  });
});
