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
    const scope = engine.scope();
    const [worker] = engine.workers;
    const graph = new GraphBuilder('product');
    const x = graph.input('x', 'float32', [rows, inner]);
    graph.output('y', linear(x, graph.input('w', 'float32', [columns, inner])));
    const session = await scope.open(graph.finish());
    const tensors = {
      x: scope.tensor(worker!, 'x'),
      w: scope.tensor(worker!, 'w'),
      y: scope.tensor(worker!, 'y'),
    };
    await tensors.x.put(halves(rows, inner));
    await tensors.w.put(halves(columns, inner));
    const run = () => worker!.run([{ session, feeds: tensors, keep: { y: tensors.y } }]);
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
