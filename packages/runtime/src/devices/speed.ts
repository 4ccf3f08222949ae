import { GraphBuilder, linear } from '@moepress/graph';
import { Engine } from '../engine/engine.js';
import type { TensorData } from '../engine/protocol.js';
import type { Device } from './device.js';

const [rows, inner, columns] = [256, 1024, 1024] as const;

/**
 * FLOP/s of an fp32 matrix product of modest size on a device, its way there and back included. Throws
 * `ENGINE_FAILED` if the device does not start.
 */
export async function productSpeed(device: Device): Promise<number> {
  const engine = new Engine({ device, workers: 1 });
  try {
    const [worker] = engine.workers;
    const graph = new GraphBuilder('product');
    const x = graph.input('x', 'float32', [rows, inner]);
    graph.output('y', linear(x, graph.input('w', 'float32', [columns, inner])));
    await engine.open('product', graph.finish());
    await worker!.put('x', halves(rows, inner));
    await worker!.put('w', halves(columns, inner));
    const run = () => worker!.run([{ session: 'product', feeds: {}, hold: { y: 'y' } }]);
    // The first run compiles what the device needs.
    await run();
    const started = performance.now();
    await run();
    return (2 * rows * inner * columns) / ((performance.now() - started) / 1000);
  } finally {
    await engine.dispose();
  }
}

const halves = (...dims: [number, number]): TensorData => ({
  dtype: 'float32',
  dims,
  data: new Float32Array(dims[0] * dims[1]).fill(0.5),
});
