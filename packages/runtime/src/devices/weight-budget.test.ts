import { cast, GraphBuilder, type GraphIR, gather, linear } from '@moepress/graph';
import { describe, expect, it } from 'vitest';
import { inHalfPrecision } from './half-precision.js';
import { WeightBudget, weightBytes } from './weight-budget.js';

const stored = (graph: GraphBuilder, name: string) =>
  cast(graph.external(name, 'bfloat16', [8, 4], { file: `/${name}`, offset: 0, length: 64 }), 'float32');

function product(names: readonly string[]): GraphIR {
  const graph = new GraphBuilder('product');
  const x = graph.input('x', 'float32', ['T', 4]);
  for (const name of names) graph.output(name, linear(x, stored(graph, name)));
  return graph.finish();
}

describe('weightBytes', () => {
  it('counts weights as they are computed with', () => {
    expect(weightBytes(product(['a', 'b']))).toBe(2 * 32 * 4);
    expect(weightBytes(inHalfPrecision(product(['a', 'b'])))).toBe(2 * 32 * 2);
  });

  it('counts twice what is needed in two precisions, and once what is converted twice', () => {
    const graph = new GraphBuilder('twice');
    const x = graph.input('x', 'float32', ['T', 4]);
    const [first] = [stored(graph, 'a')];
    const node = graph.nodes.at(-1)!;
    const [again] = graph.again(node, [graph.value(node.inputs[0]!)]);
    graph.output('y', linear(x, first!));
    graph.output(
      'z',
      graph.exactly(() => linear(x, again!)),
    );
    const whole = graph.finish();
    expect(weightBytes(whole)).toBe(32 * 4);
    expect(weightBytes(inHalfPrecision(whole))).toBe(32 * (2 + 4));
  });

  it('leaves out what the processor looks up', () => {
    const graph = new GraphBuilder('lookup');
    const ids = graph.input('ids', 'int32', ['T']);
    graph.output(
      'rows',
      graph.onHost(() => gather(stored(graph, 'a'), ids)),
    );
    expect(weightBytes(graph.finish())).toBe(0);
  });
});

describe('WeightBudget', () => {
  it('refuses weights that exceed half of the memory, until others are gone', () => {
    const budget = new WeightBudget(2 * 200);
    const [first, second] = [{ name: 'first' }, { name: 'second' }];
    budget.take(first, product(['a']));
    expect(() => budget.take(second, product(['b']))).toThrow(
      expect.objectContaining({ code: 'ENGINE_FAILED', where: 'gpuMemory' }),
    );
    budget.giveBack(first);
    budget.take(second, product(['b']));
  });
});
