import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { AttributeProto_AttributeType, type ModelProto, ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../ir/builder.js';
import type { GraphIR } from '../ir/graph-ir.js';
import { add, cast, greater, mul } from '../ops/math.js';
import { linear, rmsNorm } from '../ops/nn.js';
import { reduceSum } from '../ops/reduce.js';
import { encodeModel, opsets } from './encode.js';

/** The official schema as judge of what we wrote. */
const decode = (graph: GraphIR): ModelProto => fromBinary(ModelProtoSchema, encodeModel(graph));

describe('encodeModel', () => {
  it('writes what the ONNX schema reads', () => {
    const graph = new GraphBuilder('sample');
    const x = graph.input('x', 'float32', ['T', 4]);
    const weight = graph.external('w', 'bfloat16', [3, 4], {
      file: '/models/a.safetensors',
      offset: 123,
      length: 24,
    });
    const normed = rmsNorm(x, graph.constant([1, 1, 1, 1], [4], 'float32'), 1e-6);
    graph.output('y', linear(normed, cast(weight, 'float32')));

    const model = decode(graph.finish());
    expect(model.opsetImport.map(({ domain, version }) => [domain, Number(version)])).toEqual(
      Object.entries(opsets),
    );
    const { node, initializer, input, output, name } = model.graph!;
    expect(name).toBe('sample');
    expect(node.map(({ opType }) => opType)).toEqual(['RMSNormalization', 'Cast', 'Gemm', 'Identity']);
    expect(node.at(-1)!.output).toEqual(['y']);
    const epsilon = node[0]!.attribute.find((attribute) => attribute.name === 'epsilon')!;
    expect(epsilon.type).toBe(AttributeProto_AttributeType.FLOAT);
    expect(epsilon.f).toBeCloseTo(1e-6, 12);
    const axis = node[0]!.attribute.find((attribute) => attribute.name === 'axis')!;
    expect([axis.type, axis.i]).toEqual([AttributeProto_AttributeType.INT, -1n]);

    const stored = initializer.find((tensor) => tensor.name.startsWith('w@'))!;
    expect(stored.dims).toEqual([3n, 4n]);
    expect(Object.fromEntries(stored.externalData.map(({ key, value }) => [key, value]))).toEqual({
      location: 'models/a.safetensors',
      offset: '123',
      length: '24',
    });
    const dims = (value: (typeof input)[number]) => {
      const type = value.type!.value;
      if (type.case !== 'tensorType') throw new Error('not a tensor');
      return type.value.shape!.dim.map(({ value: dim }) => dim.value);
    };
    expect(dims(input[0]!)).toEqual(['T', 4n]);
    expect(dims(output[0]!)).toEqual(['T', 3n]);
  });

  it('puts the nodes of a branch into the branch', () => {
    const graph = new GraphBuilder('branches');
    const x = graph.input('x', 'float32', [2]);
    const positive = greater(reduceSum(x, [0]), graph.constant([0], [], 'float32'));
    const [y] = graph.branch(
      positive,
      () => [mul(x, x)],
      () => [x],
    );
    graph.output('y', add(y!, x));

    const { node } = decode(graph.finish()).graph!;
    expect(node.map(({ opType }) => opType)).toEqual(['ReduceSum', 'Greater', 'If', 'Add', 'Identity']);
    const branches = Object.fromEntries(node[2]!.attribute.map(({ name, g }) => [name, g!]));
    expect(branches.then_branch!.node.map(({ opType }) => opType)).toEqual(['Mul', 'Identity']);
    expect(branches.else_branch!.node.map(({ opType }) => opType)).toEqual(['Identity']);
    expect(branches.then_branch!.output).toHaveLength(1);
  });

  it('declares equal constants and equal stretches of file once', () => {
    const graph = new GraphBuilder('shared');
    const at = { file: '/a', offset: 0, length: 4 };
    const values = [1, 2].map(() => graph.external('w', 'float32', [1], at));
    const constants = [1, 2].map(() => graph.constant([5], [1], 'float32'));
    graph.output('y', add(add(values[0]!, values[1]!), add(constants[0]!, constants[1]!)));
    expect(graph.finish().initializers).toHaveLength(2);
  });

  it('keeps integers of any size and sign', () => {
    const integer = fc.oneof(fc.integer(), fc.maxSafeInteger());
    fc.assert(
      fc.property(fc.array(integer, { minLength: 1, maxLength: 20 }), integer, (list, single) => {
        const graph = new GraphBuilder('numbers');
        const x = graph.input('x', 'float32', [1]);
        graph.output('y', graph.op('Custom', [x], { attributes: { list, single } }));
        const [node] = decode(graph.finish()).graph!.node;
        expect(node!.attribute.map(({ ints, i }) => [ints.map(Number), Number(i)])).toEqual([
          [list, 0],
          [[], single],
        ]);
      }),
    );
  });

  it('encodes names of any length and alphabet', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), (name) => {
        const graph = new GraphBuilder(name);
        graph.output('y', graph.input('x', 'float32', [1]));
        expect(decode(graph.finish()).graph!.name).toBe(name);
      }),
    );
  });
});
