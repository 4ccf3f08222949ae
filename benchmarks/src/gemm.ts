import { GraphBuilder, linear } from '@moepress/graph';
import { Engine } from '@moepress/runtime';
import { Bench } from 'tinybench';

const [rows, inner, columns] = [1024, 2048, 1024] as const;

/** The best FLOP/s of a large fp32 matrix product on all cores: the limit of everything else. */
export async function gemmPeak(): Promise<number> {
  const engine = new Engine({ workers: 1 });
  const worker = engine.workerFor(0);
  const graph = new GraphBuilder('gemm');
  const x = graph.input('x', 'float32', [rows, inner]);
  graph.output('y', linear(x, graph.input('w', 'float32', [columns, inner])));
  await engine.open('gemm', graph.finish());
  await worker.put('x', {
    dtype: 'float32',
    dims: [rows, inner],
    data: new Float32Array(rows * inner).fill(0.5),
  });
  await worker.put('w', {
    dtype: 'float32',
    dims: [columns, inner],
    data: new Float32Array(columns * inner).fill(0.5),
  });
  const feeds = { x: { held: 'x' }, w: { held: 'w' } };
  const bench = new Bench({ iterations: 40, time: 0, warmupIterations: 5, warmupTime: 0 });
  bench.add('gemm', async () => {
    await worker.run([{ session: 'gemm', feeds, hold: { y: 'y' } }]);
  });
  const [task] = await bench.run();
  await engine.dispose();
  const result = task!.result as { latency: { min: number } };
  return (2 * rows * inner * columns) / (result.latency.min / 1000);
}
