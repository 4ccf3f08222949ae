import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoredTensor } from '@moepress/core';
import { GraphBuilder, linear, weight } from '@moepress/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGraph } from '../testing/run-graph.js';
import type { Step } from './handles.js';
import { tensor } from './protocol.js';
import { EngineScope } from './scope.js';
import { EngineWorker } from './worker.js';

let engine: EngineWorker;
let scope: EngineScope;
let folder: string;
beforeAll(() => {
  engine = new EngineWorker(1);
  scope = new EngineScope([engine]);
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
    const session = await scope.open(square(n));
    const [m, result] = [scope.tensor(engine, 'm'), scope.tensor(engine, 'result')];
    await m.put(tensor('float32', [n, n], new Float32Array(n * n).fill(1)));
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const step = { session, feeds: { x: m, w: m }, keep: { y: result } };
    await engine.run(Array.from({ length: 20 }, () => step));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
    expect((await result.read()).data[0]).toBe(n);
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
    const feeds = { x: tensor('float32', [1, 2], Float32Array.of(10, 1)) };
    const { y, swapped } = await runGraph(engine, graph.finish(), feeds);
    expect([...y!.data]).toEqual([12, 34]);
    expect([...swapped!.data]).toEqual([34, 12]);
  });

  it('feeds what it has, and adds outputs up', async () => {
    const graph = new GraphBuilder('gradient');
    const w = graph.input('w', 'float32', [2, 2]);
    graph.output('w/gradient', linear(graph.input('x', 'float32', [2, 2]), w));
    const session = await scope.open(graph.finish());
    const handle = (name: string) => scope.tensor(engine, name);
    const names = { parameter: handle('w'), mean: handle('mean'), variance: handle('variance') };
    const [gradient, absent] = [handle('gradient'), handle('absent')];
    const matrix = (...numbers: number[]) => tensor('float32', [2, 2], Float32Array.from(numbers));
    await names.parameter.put(matrix(1, 2, 3, 4));
    const feeds = { x: matrix(1, 0, 0, 1), w: names.parameter };
    const step = { session, feeds, add: { 'w/gradient': gradient } };
    await engine.run([step, step]);
    expect([...(await gradient.read()).data]).toEqual([2, 6, 4, 8]);
    expect(await engine.sumOfSquares([gradient, absent])).toBe(4 + 36 + 16 + 64);

    for (const empty of [names.mean, names.variance]) await empty.put(matrix(0, 0, 0, 0));
    const numbers = { learningRate: 0.5, beta1: 0, beta2: 0, epsilon: 1e-9, step: 1, scale: 1 };
    await engine.learn([{ ...names, gradient, weightDecay: 0 }], numbers);
    await engine.learn([{ ...names, gradient: absent, weightDecay: 1 }], numbers);
    expect([...(await names.parameter.read()).data]).toEqual([0.5, 1.5, 2.5, 3.5]);

    const file = join(folder, 'state');
    const saved = [names.parameter, names.mean];
    await engine.save(saved, file);
    await engine.free(saved);
    const dims = [2, 2];
    await engine.load(
      saved.map((tensor) => ({ tensor, dims })),
      file,
    );
    expect([...(await names.parameter.read()).data, ...(await names.mean.read()).data]).toEqual([
      ...[0.5, 1.5, 2.5, 3.5],
      ...[2, 6, 4, 8],
    ]);
  });

  it('reports what ONNX Runtime refuses, and goes on working', async () => {
    const graph = new GraphBuilder('broken');
    graph.output('y', graph.op('NoSuchOperator', [graph.input('x', 'float32', [1])]));
    const refused = { code: 'ENGINE_FAILED', where: 'broken' };
    await expect(scope.open(graph.finish())).rejects.toMatchObject(refused);
    const session = await scope.open(square(2));
    await scope.closeSession(session);
    const y = [tensor('float32', [2, 2], Float32Array.of(1, 2, 3, 4))];
    const feeds = { x: y[0]!, w: y[0]! };
    await expect(engine.run([{ session, feeds }])).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    expect((await runGraph(engine, square(2), feeds)).y!.dims).toEqual([2, 2]);
  });

  it('takes nothing for an input that is not fed, and nothing of another worker', async () => {
    const other = new EngineWorker(1);
    const session = await scope.open(square(2));
    const x = tensor('float32', [2, 2], Float32Array.of(1, 2, 3, 4));
    for (const [feeds, message] of [
      [{ x }, 'Input w is not fed.'],
      [{ x, w: scope.tensor(other, 'w') }, 'w is in another worker.'],
    ] as const) {
      const step: Step = { session, feeds, fetch: ['y'] };
      await expect(engine.run([step])).rejects.toMatchObject({ code: 'ENGINE_FAILED', message });
    }
    const empty: Step = { session, feeds: { x, w: scope.tensor(engine, 'w') }, fetch: ['y'] };
    await expect(engine.run([empty])).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    await other.dispose();
  });

  it('ends what is under way when it is disposed of, and does nothing afterwards', async () => {
    const short = new EngineWorker(1);
    const own = new EngineScope([short]);
    const opening = own.open(square(2));
    await short.dispose();
    await opening;
    await expect(own.open(square(2))).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
  });
});
