import { describe, expect, it } from 'vitest';
import { add, exp, greater, mul } from '../ops/math.js';
import { matmul } from '../ops/nn.js';
import { reduceSum } from '../ops/reduce.js';
import { concat, gather, slice, transpose } from '../ops/shape.js';
import { GraphBuilder } from './builder.js';
import { outputBytes, peakBytes, peakParts } from './peak-memory.js';

/** Rows of 100 fp32. */
const row = 400;
const rowsOf = (sizes: Record<string, number>) => (name: string) => sizes[name]!;
const T = rowsOf({ T: 10 });

describe('peakBytes', () => {
  it('counts neither inputs nor what nobody asks for', () => {
    const graph = new GraphBuilder('sum');
    const x = graph.input('x', 'float32', ['T', 100]);
    matmul(x, graph.input('unused', 'float32', [100, 100]));
    graph.output('y', reduceSum(x, [0, 1]));
    expect(peakBytes(graph.finish(), T)).toBe(4);
  });

  it('frees a value after its last reader, and not before', () => {
    const graph = new GraphBuilder('chain');
    const x = graph.input('x', 'float32', ['T', 100]);
    const weight = graph.input('w', 'float32', [100, 100]);
    const chain = [1, 2, 3, 4].reduce((value) => matmul(value, weight), x);
    graph.output('y', chain);
    // What one product reads and what it makes.
    expect(peakBytes(graph.finish(), T)).toBe(2 * 10 * row);
  });

  it('keeps what is read again at the end', () => {
    const graph = new GraphBuilder('residual');
    const x = graph.input('x', 'float32', ['T', 100]);
    const weight = graph.input('w', 'float32', [100, 100]);
    const early = matmul(x, weight);
    const late = matmul(matmul(early, weight), weight);
    graph.output('y', matmul(add(early, late), weight));
    expect(peakBytes(graph.finish(), T)).toBe(3 * 10 * row);
  });

  it('lets operators write into an input of the same size that nobody reads again', () => {
    const graph = new GraphBuilder('in place');
    const x = graph.input('x', 'float32', ['T', 100]);
    const weight = graph.input('w', 'float32', [100, 100]);
    graph.output('y', exp(exp(matmul(x, weight))));
    expect(peakBytes(graph.finish(), T)).toBe(10 * row);
    const kept = new GraphBuilder('kept');
    const product = matmul(kept.input('x', 'float32', ['T', 100]), kept.input('w', 'float32', [100, 100]));
    kept.output('y', mul(exp(product), product));
    // The exponentials are new, and the product of both takes their place.
    expect(peakBytes(kept.finish(), T)).toBe(2 * 10 * row);
  });

  it('never writes into an input of the graph', () => {
    const graph = new GraphBuilder('input');
    graph.output('y', exp(graph.input('x', 'float32', ['T', 100])));
    expect(peakBytes(graph.finish(), T)).toBe(10 * row);
  });

  it('takes the larger of two branches on top of what is live', () => {
    const graph = new GraphBuilder('branch');
    const x = graph.input('x', 'float32', ['T', 100]);
    const weight = graph.input('w', 'float32', [100, 100]);
    const wide = graph.input('wide', 'float32', [100, 1000]);
    const high = graph.input('high', 'float32', [1000, 100]);
    const chosen = greater(graph.input('n', 'int64', []), graph.constant([0], [], 'int64'));
    const [small, large] = [() => [matmul(x, weight)], () => [matmul(matmul(x, wide), high)]];
    graph.output('y', graph.branch(chosen, large, small)[0]!);
    // The condition, the wide product and what becomes of it, and the room for what the branch yields.
    const bytes = peakBytes(graph.finish(), T);
    expect(bytes).toBeGreaterThanOrEqual(11 * 10 * row);
    expect(bytes).toBeLessThanOrEqual(12 * 10 * row + 8);
  });

  it('takes sums and products of names apart, and knows the sizes of types', () => {
    const graph = new GraphBuilder('names');
    const x = graph.input('x', 'float64', ['T', 100]);
    const rows = graph.input('rows', 'int32', ['N*Q']);
    graph.output('y', gather(x, rows));
    expect(peakBytes(graph.finish(), rowsOf({ N: 3, Q: 5 }))).toBe(15 * 2 * row);
  });

  it('grows with what has to be there at once', () => {
    const peak = (parts: number) => {
      const graph = new GraphBuilder('join');
      const x = graph.input('x', 'float32', ['T', 100]);
      const weight = graph.input('w', 'float32', [100, 100]);
      const all = Array.from({ length: parts }, (_, i) => slice(matmul(x, weight), 1, i, i + 1));
      graph.output('y', concat(all, 1));
      return peakBytes(graph.finish(), T);
    };
    // The builder makes one product of equal ones; beside it there are its columns.
    expect(peak(1)).toBe(10 * row + 40);
    expect(peak(4)).toBe(10 * row + 4 * 40);
  });
});

it('tells the peaks of large and of small values apart, each of its own moment', () => {
  const graph = new GraphBuilder('parts');
  const x = graph.input('x', 'float32', ['T', 100]);
  const narrow = graph.input('narrow', 'float32', [100, 10]);
  const wide = graph.input('wide', 'float32', [10, 1000]);
  const turned = transpose(wide, [1, 0]);
  graph.output('y', reduceSum(matmul(matmul(matmul(x, narrow), wide), turned), [0, 1]));
  const { large, small } = peakParts(graph.finish(), T, 10_000);
  const taken = peakParts(graph.finish(), T, 10_000, (bytes) => 2 * bytes);
  expect(taken).toEqual({ large, small: 2 * small });
  // The matrix turned, and a product of 1,000 columns; the two narrow products are never there together.
  expect(large).toBe(40_000 + 40_000);
  expect(small).toBe(404);
});

it('tells how large outputs are', () => {
  const graph = new GraphBuilder('outputs');
  const x = graph.input('x', 'float32', ['T', 100]);
  graph.output('all', exp(x));
  graph.output('sum', reduceSum(x, [0, 1]));
  expect(outputBytes(graph.finish(), T)).toBe(10 * row + 4);
});
