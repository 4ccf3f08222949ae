import {
  cols,
  concat,
  fp8,
  learned,
  mxfp4,
  rows,
  type StoredTensor,
  scale,
  transpose,
  zeros,
} from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../ir/builder.js';
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

  it('concatenates and scales', () => {
    const joined = concat([stored('a', [2, 3]), stored('b', [4, 3])], 0);
    const graph = new GraphBuilder('weights');
    expect(weight(graph, scale(joined, 0.5)).shape).toEqual([6, 3]);
    // Rounded to the type it is written in, and back.
    expect(graph.nodes.map(({ type }) => type)).toEqual(['Concat', 'Cast', 'Mul', 'Cast', 'Cast']);
  });

  it('turns what it takes of a matrix and no more', () => {
    const turned = transpose(stored('w', [4, 3]));
    for (const part of [rows(turned, [1]), cols(turned, [3, 0])]) {
      const graph = new GraphBuilder('weights');
      expect(weight(graph, part).shape).toEqual(part.shape);
      expect(graph.nodes.map(({ type }) => type)).toEqual(['Gather', 'Transpose', 'Cast']);
    }
  });

  it('converts the rows it takes of a block-scaled matrix and no others', () => {
    const fourBits = mxfp4(stored('b', [8, 32], 'U8'), stored('s', [8, 2], 'U8'));
    const eightBits = fp8(stored('w', [8, 6], 'F8_E4M3'), stored('s', [2, 2], 'F32'), 4);
    for (const matrix of [fourBits, eightBits]) {
      const graph = new GraphBuilder('weights');
      expect(weight(graph, rows(matrix, [5, 2])).shape).toEqual([2, matrix.shape[1]]);
      const converted = graph.nodes.filter(({ type }) => type === 'Mul' || type === 'Cast');
      for (const { outputs } of converted) expect(graph.value(outputs[0]!).shape[0]).toBe(2);
    }
  });

  it('pads with zeros of the type of the rest', () => {
    const graph = new GraphBuilder('weights');
    expect(weight(graph, concat([stored('w', [4, 3]), zeros('BF16', [2, 3])], 0)).shape).toEqual([6, 3]);
    expect(graph.nodes.map(({ type }) => type)).toEqual(['ConstantOfShape', 'Cast', 'Concat', 'Cast']);
  });

  it('maps one stretch of file in each shape it is asked for', () => {
    const graph = new GraphBuilder('weights');
    const values = [
      [4, 3],
      [3, 4],
      [4, 3],
    ].map((shape) => weight(graph, stored('w', shape, 'F32')));
    expect(values.map(({ shape }) => shape[0])).toEqual([4, 3, 4]);
    expect(new Set(values.map(({ name }) => name)).size).toBe(2);
  });

  it.each(['I64', 'U8', 'F8_E4M3'] as const)('refuses plain %s, which holds no weights', (dtype) => {
    expect(() => weight(new GraphBuilder('x'), stored('ids', [3], dtype))).toThrow(
      expect.objectContaining({ code: 'TENSOR_DTYPE', where: '/m.safetensors' }),
    );
  });
});
