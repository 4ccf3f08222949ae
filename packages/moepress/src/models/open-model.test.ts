import { cp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import type { Model } from '@moepress/core';
import { toyModel, toyPlan } from '@moepress/core/testing';
import { weightsDigest } from '@moepress/runtime';
import { tinyModel } from '@moepress/tiny';
import { expect, test } from 'vitest';
import { warnOfOtherBase } from './open-model.js';

const hub: Model = { ...toyModel(), id: 'lab/model', revision: 'abc' };

async function warnings(
  made: Model,
  given: Model,
  { weights = null as string | null, readsWeights = true } = {},
): Promise<string[]> {
  const messages: string[] = [];
  const plan = toyPlan(made, []);
  await warnOfOtherBase({ ...plan, base: { ...plan.base, weights } }, given, {
    readsWeights,
    progress: (event) => event.type === 'warning' && messages.push(event.message),
  });
  return messages;
}

test.each([
  ['the same revision', {}, {}],
  ['the same folder by another path', { id: '/toy/', revision: null }, { id: 'toy', revision: null }],
])('a plan for %s is applied in silence', async (_, made, given) =>
  expect(await warnings({ ...hub, ...made }, { ...hub, ...given })).toEqual([]),
);

test.each([
  ['another revision', {}, { revision: 'def' }, 'made from lab/model @ abc, this is lab/model @ def'],
  ['another model of the same shapes', {}, { id: 'lab/tuned' }, 'this is lab/tuned @ abc'],
  ['a folder that may be a copy', {}, { id: './copy', revision: null }, 'this is ./copy.'],
])('a plan for %s is applied with a warning', async (_, made, given, text) => {
  expect(await warnings({ ...hub, ...made }, { ...hub, ...given })).toEqual([expect.stringContaining(text)]);
});

test('a plan that was measured knows its base by all bytes', async () => {
  const folder = join(tmpdir(), `moepress-base-${process.pid}`);
  try {
    await cp(tinyModel.directory, folder, { recursive: true });
    const [base, copy] = [await openModel(tinyModel.directory), await openModel(folder)];
    const { hash: weights } = await weightsDigest(base);
    const named = expect.stringContaining('was not checked');
    expect(await warnings(base, copy, { weights, readsWeights: false })).toEqual([named]);
    expect(await warnings(base, copy, { weights })).toEqual([]);
    expect(await warnings(base, copy, { weights, readsWeights: false })).toEqual([]);
    const file = await open(join(folder, 'model.safetensors'), 'r+');
    const { size } = await file.stat();
    await file.write(Uint8Array.of(1, 2, 3), 0, 3, size - 1000);
    await file.close();
    const other = expect.stringContaining('measured on other weights');
    expect(await warnings(base, copy, { weights })).toEqual([other]);
    expect(await warnings(base, copy, { weights, readsWeights: false })).toEqual([other]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
