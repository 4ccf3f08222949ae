import type { Value } from '@moepress/core';
import { cast, expand, GraphBuilder, linear, reduceSum } from '@moepress/graph';
import { type Device, Engine } from '@moepress/runtime';
import { fastest } from './gpu-measure.js';

const products = 8;

/** FLOP/s of a chain of square fp16 products whose operands and results stay on the device. */
export async function halfPeak(device: Device, size: number): Promise<number> {
  const engine = new Engine({ device });
  try {
    const graph = new GraphBuilder('peak');
    const square = (value: Value) => cast(expand(expand(value, 0, size), 1, size), 'float16');
    const weight = square(graph.constant([1 / size], [1, 1], 'float32'));
    let y = square(graph.input('x', 'float32', [1, 1]));
    for (let i = 0; i < products; i++) y = linear(y, weight);
    graph.output('sum', cast(reduceSum(y, [0, 1]), 'float32'));
    const session = await engine.scope().open(graph.finish());
    const x = { dtype: 'float32', dims: [1, 1], data: Float32Array.of(1) } as const;
    const step = { session, feeds: { x }, fetch: ['sum'] };
    const seconds = await fastest(async () => void (await engine.workers[0]!.run([step])));
    return (products * 2 * size ** 3) / seconds;
  } finally {
    await engine.dispose();
  }
}
