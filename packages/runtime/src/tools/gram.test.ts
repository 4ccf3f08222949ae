import { decodeFloat32, openModel } from '@moepress/checkpoint';
import { moeBlocks, type ProgressEvent, rows } from '@moepress/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../engine/engine.js';
import { fixtures } from '../testing/golden.js';
import { engineTools } from './engine-tools.js';
import { gram } from './gram.js';

let engine: Engine;
beforeAll(() => {
  engine = new Engine({ threads: 1 });
});
afterAll(() => engine.dispose());

const gates = async () => {
  const model = await openModel((await fixtures[0]!.load()).model);
  return moeBlocks(model)[0]!.ffn.pool.map((expert) => expert.gate!);
};

describe('gram', () => {
  it('is the matrix of inner products, in double precision', async () => {
    const tensors = await gates();
    const n = tensors.length;
    const vectors = await Promise.all(tensors.map((tensor) => decodeFloat32(tensor)));
    const products = await gram(engine, tensors);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const expected = vectors[i]!.reduce((sum, x, c) => sum + x * vectors[j]![c]!, 0);
        expect(products[i * n + j]).toBeCloseTo(expected, 10);
      }
    }
  });

  it('tells what memory it takes also where the method does not listen', async () => {
    const told: ProgressEvent[] = [];
    const tools = engineTools(
      engine,
      () => Promise.reject(new Error('not needed')),
      (event) => told.push(event),
    );
    await tools.gram(await gates());
    expect(told).toEqual([{ type: 'memory', predicted: expect.any(Number) }]);
  });

  it('puts equal tensors at distance zero, views too', async () => {
    const [a, b] = await gates();
    const order = Array.from({ length: a!.shape[0]! }, (_, i) => i);
    const view = rows(rows(b!, order.toReversed()), order.toReversed());
    const [aa, , , , bb, bv, , , vv] = await gram(engine, [a!, b!, view]);
    expect(bb! + vv! - 2 * bv!).toBe(0);
    expect(aa).toBeGreaterThan(0);
  });

  it('refuses tensors of different shapes', async () => {
    const [a, b] = await gates();
    await expect(gram(engine, [a!, rows(b!, [0])])).rejects.toMatchObject({ code: 'PLUGIN_INVALID' });
  });
});
