import { GraphBuilder, linear } from '@moepress/graph';
import { Engine } from '@moepress/runtime';
import { Bench } from 'tinybench';

const [rows, inner, columns] = [1024, 2048, 1024] as const;
/** Enough products per run that waiting for the slower core costs little. */
const products = 8;

/** FLOP/s of large fp32 matrix products on all cores. */
export interface Peak {
  /** The sustained speed of the machine: the limit that passes of minutes are compared with. */
  readonly sustained: number;
  /** The fastest run; on shared or throttled cores above what lasts. */
  readonly best: number;
}

/** Runs nothing but products, spread over the cores as the passes spread their batches. */
export async function gemmPeak(): Promise<Peak> {
  const engine = new Engine();
  const graph = new GraphBuilder('gemm');
  const x = graph.input('x', 'float32', [rows, inner]);
  graph.output('y', linear(x, graph.input('w', 'float32', [columns, inner])));
  const scope = engine.scope();
  const session = await scope.open(graph.finish());
  const steps = await Promise.all(
    engine.workers.map(async (worker) => {
      const [x, w, y] = ['x', 'w', 'y'].map((name) => scope.tensor(worker, name));
      await x!.put(halves(rows, inner));
      await w!.put(halves(columns, inner));
      return { worker, step: { session, feeds: { x: x!, w: w! }, keep: { y: y! } } };
    }),
  );
  const bench = new Bench({ iterations: 16, time: 0, warmupIterations: 2, warmupTime: 0 });
  bench.add('gemm', async () => {
    await Promise.all(steps.map(({ worker, step }) => worker.run(Array(products).fill(step))));
  });
  const [task] = await bench.run();
  await engine.dispose();
  const { latency } = task!.result as { latency: { min: number; mean: number } };
  const flops = 2 * rows * inner * columns * products * engine.workers.length * 1000;
  return { sustained: flops / latency.mean, best: flops / latency.min };
}

/**
 * Times `work` between two measurements of the peak. The peak that counts is their mean, so that a
 * machine that slows down or speeds up meanwhile is the same for both.
 */
export async function besidePeak<T>(work: () => Promise<T>): Promise<{ result: T; peak: Peak }> {
  const before = await gemmPeak();
  const result = await work();
  const after = await gemmPeak();
  const peak = {
    sustained: (before.sustained + after.sustained) / 2,
    best: Math.max(before.best, after.best),
  };
  return { result, peak };
}

const halves = (...dims: [number, number]) => ({
  dtype: 'float32' as const,
  dims,
  data: new Float32Array(dims[0] * dims[1]).fill(0.5),
});
