import { add, cast, GraphBuilder, plusNumber, reduceSum, square } from '@moepress/graph';
import { describe, expect, it } from 'vitest';
import { tensor } from '../engine/protocol.js';
import { EngineWorker } from '../engine/worker.js';
import { runGraph } from '../testing/run-graph.js';
import { inSinglePrecision } from './single-precision.js';

/** Σ (x + 1/3)², in double precision, and x² as it is. */
function sums() {
  const graph = new GraphBuilder('sums');
  const x = graph.input('x', 'float32', ['T']);
  const shifted = plusNumber(cast(x, 'float64'), 1 / 3);
  graph.output('sum', reduceSum(square(shifted), [0]));
  graph.output('twice', add(x, x));
  return graph.finish();
}

describe('inSinglePrecision', () => {
  it('computes in fp32 and hands doubles out', async () => {
    const graph = inSinglePrecision(sums());
    expect(graph.initializers.map(({ dtype }) => dtype)).not.toContain('float64');
    const worker = new EngineWorker(1);
    try {
      const feeds = { x: tensor('float32', [2], Float32Array.of(1, 2)) };
      const { sum, twice } = await runGraph(worker, graph, feeds);
      expect(sum!.dtype).toBe('float64');
      const exact = (4 / 3) ** 2 + (7 / 3) ** 2;
      expect(sum!.data[0]).toBeCloseTo(exact, 5);
      expect(sum!.data[0]).not.toBe(exact);
      expect(sum!.data[0]).toBe(Math.fround(Number(sum!.data[0])));
      expect([...twice!.data]).toEqual([2, 4]);
    } finally {
      await worker.dispose();
    }
  });
});
