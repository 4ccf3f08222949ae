import { describe, expect, it } from 'vitest';
import { gather, nonZero } from '../ops/shape.js';
import { GraphBuilder } from './builder.js';

describe('GraphBuilder', () => {
  it('names sizes that depend on data, of values that outputs need', () => {
    const graph = new GraphBuilder('chosen');
    const [x, hits] = [graph.input('x', 'float32', ['T', 4]), graph.input('hits', 'float32', ['T'])];
    graph.output('rows', gather(x, nonZero(hits, 'n')));
    nonZero(graph.input('others', 'float32', ['T']), 'm');
    const { named, nodes } = graph.finish();
    const [name] = nodes.find(({ type }) => type === 'NonZero')!.outputs;
    expect(named).toEqual([{ name, dtype: 'int64', shape: [1, 'n'] }]);
  });

  it.each([1, 100])('keeps the numbers of a constant of %d elements', (count) => {
    const graph = new GraphBuilder('constants');
    const numbers = Array.from({ length: count }, (_, i) => 3 * i - 7);
    const { name } = graph.constant(numbers, [count], 'int64');
    expect(graph.value(name).literal).toEqual(numbers);
    expect(graph.op('Neg', [graph.value(name)])).not.toHaveProperty('literal');
  });
});
