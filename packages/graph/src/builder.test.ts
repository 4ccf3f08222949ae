import { describe, expect, it } from 'vitest';
import { GraphBuilder } from './builder.js';
import { gather, nonZero } from './ops/shape.js';

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
});
