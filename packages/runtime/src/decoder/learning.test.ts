import { decodeFloat32, openModel } from '@moepress/checkpoint';
import { parameter, type TensorExpr, tensorsByPath, withTensors } from '@moepress/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineWorker } from '../engine/worker.js';
import { fixtures } from '../testing/golden.js';
import { type Checked, numbers, worstGradientError } from '../testing/gradient-check.js';
import { rotaryTables } from '../tokens/rotary-tables.js';
import { packingOf } from './attention/packing.js';
import { differentiableBlock } from './block-gradient.js';

let worker: EngineWorker;
beforeAll(() => {
  worker = new EngineWorker(1);
});
afterAll(() => worker.dispose());

/** The biases that only choose experts move nothing. */
const moves = (path: string) => !path.endsWith('selectionBias');

async function values(tensor: TensorExpr): Promise<Checked> {
  return { shape: tensor.shape, data: Float64Array.from(await decodeFloat32(tensor)) };
}

describe.each(fixtures)('the parameters of $name', ({ load }) => {
  it('have the gradients of central differences, for sequences of two lengths', async () => {
    const model = await openModel((await load()).model);
    const { hiddenSize, rope } = model.config;
    const { cos, sin } = rotaryTables(rope, Int32Array.of(0, 1, 2, 0, 1), [3, 3, 3, 2, 2]);
    const tensors = tensorsByPath(model);
    for (const [i, block] of model.blocks.entries()) {
      const own = [...tensors].filter(([path]) => path.startsWith(`blocks.${i}.`) && moves(path));
      const view = withTensors(model, new Map(own.map(([path, tensor]) => [path, parameter(path, tensor)])));
      const weights = await Promise.all(
        own.map(async ([path, tensor]) => [path, await values(tensor)] as const),
      );
      const inputs = { hidden: numbers(5, hiddenSize), ...Object.fromEntries(weights) };
      const worst = await worstGradientError(
        worker,
        inputs,
        (graph, { hidden }) => {
          const angles = (table: Float32Array) => graph.constant([...table], [5, rope.dim / 2], 'float64');
          const pad = graph.constant([0, 1, 2, 3, 4, 3], [2, 3], 'int32');
          const unpad = graph.constant([0, 1, 2, 3, 4], [5], 'int32');
          const tokens = { cos: angles(cos), sin: angles(sin), packing: packingOf(pad, unpad) };
          return differentiableBlock(view, view.blocks[i]!, hidden!, tokens).hiddenOut;
        },
        2,
      );
      expect(worst, block.ffn.kind).toBeLessThan(1e-6);
    }
  });
});
