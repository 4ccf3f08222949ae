import { cols, concat, learned, rows, type StoredTensor, scale } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from './builder.js';
import { weight } from './weights.js';

const stored = (name: string, shape: number[], dtype: StoredTensor['dtype'] = 'BF16'): StoredTensor => {
  const length = shape.reduce((a, b) => a * b, 2);
  return { kind: 'stored', name, file: '/m.safetensors', offset: 8, length, dtype, shape };
};

const nodesOf = (build: (graph: GraphBuilder) => unknown) => {
  const graph = new GraphBuilder('weights');
  build(graph);
  return graph.nodes.map(({ type }) => type);
};

describe('weight', () => {
  it('maps a stored tensor and casts it, once', () => {
    expect(nodesOf((g) => weight(g, stored('w', [4, 3])))).toEqual(['Cast']);
    expect(nodesOf((g) => weight(g, stored('w', [4, 3], 'F32')))).toEqual([]);
    expect(nodesOf((g) => weight(g, learned('w', stored('w', [4, 3], 'F32'))))).toEqual([]);
  });

  it('selects before it casts, so that dropped rows are never converted', () => {
    expect(nodesOf((g) => weight(g, rows(stored('w', [4, 3]), [2, 0])))).toEqual(['Gather', 'Cast']);
    expect(nodesOf((g) => weight(g, cols(stored('w', [4, 3]), [1])))).toEqual(['Gather', 'Cast']);
  });

  it('joins and scales', () => {
    const joined = concat([stored('a', [2, 3]), stored('b', [4, 3])], 0);
    const graph = new GraphBuilder('weights');
    expect(weight(graph, scale(joined, 0.5)).shape).toEqual([6, 3]);
    expect(graph.nodes.map(({ type }) => type)).toEqual(['Concat', 'Cast', 'Mul']);
  });

  it('refuses what holds no weights', () => {
    expect(() => weight(new GraphBuilder('x'), stored('ids', [3], 'I64'))).toThrow(
      expect.objectContaining({ code: 'TENSOR_DTYPE', where: '/m.safetensors' }),
    );
  });
});
