import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoredTensor } from '@moepress/core';
import { GraphBuilder, linear, weight } from '@moepress/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { tensor } from './tensor.js';
import { EngineWorker } from './worker.js';

let engine: EngineWorker;
let folder: string;
beforeAll(() => {
  engine = new EngineWorker(1);
  folder = mkdtempSync(join(tmpdir(), 'moepress-engine-'));
});
afterAll(async () => {
  await engine.dispose();
  rmSync(folder, { recursive: true });
});

/** y = x W with W [n, n] fed at run time. */
function square(n: number) {
  const graph = new GraphBuilder('square');
  const x = graph.input('x', 'float32', [n, n]);
  graph.output('y', linear(x, graph.input('w', 'float32', [n, n])));
  return graph.finish();
}

describe('EngineWorker', () => {
  it('leaves the event loop free while it computes', async () => {
    const n = 1024;
    await engine.open('large', square(n));
    await engine.put('m', tensor('float32', [n, n], new Float32Array(n * n).fill(1)));
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const feeds = { x: { held: 'm' }, w: { held: 'm' } };
    const step = { session: 'large', feeds, hold: { y: 'result' } };
    await engine.run(Array.from({ length: 20 }, () => step));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
    expect((await engine.take('result')).data[0]).toBe(n);
    await engine.drop(['m', 'result']);
    await engine.close('large');
  });

  it('maps bf16 weights at any offset of a file, and selects from them', async () => {
    const file = join(folder, 'odd.bin');
    // Seven bytes of something else, then 1, 2, 3, 4 in bf16.
    writeFileSync(file, Buffer.from([9, 9, 9, 9, 9, 9, 9, 0x80, 0x3f, 0, 0x40, 0x40, 0x40, 0x80, 0x40]));
    const stored: StoredTensor = {
      kind: 'stored',
      name: 'w',
      file,
      offset: 7,
      length: 8,
      dtype: 'BF16',
      shape: [2, 2],
    };
    const graph = new GraphBuilder('mapped');
    const x = graph.input('x', 'float32', [1, 2]);
    graph.output('y', linear(x, weight(graph, stored)));
    graph.output(
      'swapped',
      linear(x, weight(graph, { kind: 'rows', of: stored, indices: [1, 0], dtype: 'BF16', shape: [2, 2] })),
    );
    await engine.open('mapped', graph.finish());
    const feeds = { x: tensor('float32', [1, 2], Float32Array.of(10, 1)) };
    const [results] = await engine.run([{ session: 'mapped', feeds, fetch: ['y', 'swapped'] }]);
    expect([...results!.y!.data]).toEqual([12, 34]);
    expect([...results!.swapped!.data]).toEqual([34, 12]);
    await engine.close('mapped');
  });

  it('feeds what it holds under the names of inputs, and adds outputs up', async () => {
    const graph = new GraphBuilder('gradient');
    const w = graph.input('w', 'float32', [2, 2]);
    graph.output('w/gradient', linear(graph.input('x', 'float32', [2, 2]), w));
    await engine.open('gradient', graph.finish());
    const matrix = (...numbers: number[]) => tensor('float32', [2, 2], Float32Array.from(numbers));
    await engine.put('w', matrix(1, 2, 3, 4));
    const step = { session: 'gradient', feeds: { x: matrix(1, 0, 0, 1) }, add: ['w/gradient'] };
    await engine.run([step, step]);
    expect([...(await engine.take('w/gradient')).data]).toEqual([2, 6, 4, 8]);
    expect(await engine.sumOfSquares(['w/gradient', 'absent'])).toBe(4 + 36 + 16 + 64);

    for (const name of ['mean', 'variance']) await engine.put(name, matrix(0, 0, 0, 0));
    const names = { parameter: 'w', gradient: 'w/gradient', mean: 'mean', variance: 'variance' };
    const numbers = { learningRate: 0.5, beta1: 0, beta2: 0, epsilon: 1e-9, step: 1, scale: 1 };
    await engine.learn([{ ...names, weightDecay: 0 }], numbers);
    await engine.learn([{ ...names, gradient: 'absent', weightDecay: 1 }], numbers);
    expect([...(await engine.take('w')).data]).toEqual([0.5, 1.5, 2.5, 3.5]);

    const file = join(folder, 'state');
    await engine.save(['w', 'mean'], file);
    await engine.drop(['w', 'mean']);
    const dims = [2, 2];
    await engine.load(
      ['w', 'mean'].map((name) => ({ name, dims })),
      file,
    );
    expect([...(await engine.take('w')).data, ...(await engine.take('mean')).data]).toEqual([
      ...[0.5, 1.5, 2.5, 3.5],
      ...[2, 6, 4, 8],
    ]);
    await engine.close('gradient');
  });

  it('reports what ONNX Runtime refuses, and goes on working', async () => {
    const graph = new GraphBuilder('broken');
    graph.output('y', graph.op('NoSuchOperator', [graph.input('x', 'float32', [1])]));
    await expect(engine.open('broken', graph.finish())).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      where: 'broken',
    });
    await expect(engine.run([{ session: 'absent', feeds: {} }])).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
    });
    await engine.open('works', square(2));
    await engine.close('works');
  });

  it('rejects what is under way when it is disposed of', async () => {
    const short = new EngineWorker(1);
    const opening = short.open('square', square(2));
    const outcome = expect(opening).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    await short.dispose();
    await outcome;
    await expect(short.open('again', square(2))).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
  });
});
