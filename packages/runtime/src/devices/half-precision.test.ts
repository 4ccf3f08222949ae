import { openModel } from '@moepress/checkpoint';
import type { GraphIR, NodeIR } from '@moepress/graph';
import { describe, expect, it } from 'vitest';
import { blockGraph } from '../decoder/block.js';
import { blockGradientGraph } from '../decoder/block-gradient.js';
import { scoringHeadGraph } from '../decoder/lm-head.js';
import { Engine } from '../engine/engine.js';
import { embedEach, streamedRun } from '../forward/model-run.js';
import { blockFeeds, placeBatch } from '../forward/worker-batch.js';
import { fixtures, maxDifference } from '../testing/golden.js';
import { runGraph } from '../testing/run-graph.js';
import { layOut } from '../tokens/token-layout.js';
import { inHalfPrecision } from './half-precision.js';
import { traitsOf } from './traits.js';

const golden = await fixtures[0]!.load();
const model = await openModel(golden.model);
const [block] = model.blocks;

const products = ({ nodes }: GraphIR, isHalf: boolean): NodeIR[] =>
  nodes.filter(({ type, inputs }) => type === 'Gemm' && inputs[0]!.endsWith('/half') === isHalf);

describe('inHalfPrecision', () => {
  it('halves the products with weights, and neither router nor head', () => {
    const graph = inHalfPrecision(blockGraph(model, block!, {}, traitsOf.webgpu));
    const experts = block!.ffn.kind === 'moe' ? block!.ffn.pool.length : 0;
    expect(products(graph, true)).toHaveLength(4 + 3 * experts);
    expect(products(graph, false)).toHaveLength(1);
    expect(products(inHalfPrecision(scoringHeadGraph(model)), true)).toEqual([]);
  });

  it('leaves the products of derivatives as they are', () => {
    const graph = blockGradientGraph(model, block!, []);
    const derivatives = graph.nodes.filter(
      ({ name, type }) => name.startsWith('backward/') && type === 'MatMul',
    );
    expect(derivatives.length).toBeGreaterThan(0);
    const after = new Map(inHalfPrecision(graph).nodes.map((node) => [node.name, node]));
    for (const node of derivatives) expect(after.get(node.name)).toEqual(node);
  });

  it('computes what the graph did, as far as the processor rounds to fp16', async () => {
    const engine = new Engine({ workers: 1, threads: 1 });
    try {
      const layout = layOut([{ index: 0, ids: golden.sequences[0]! }]);
      const [scope, worker] = [engine.scope(), engine.workers[0]!];
      const placement = { worker, name: 'half', layout, model, attention: 'padded' } as const;
      const batch = await placeBatch(scope, placement);
      await embedEach(streamedRun(engine, scope, model), [batch]);
      const run = async (graph: GraphIR) => {
        const { hiddenOut } = await runGraph(worker, graph, blockFeeds(batch, block!));
        return hiddenOut!.data as Float32Array;
      };
      const graph = blockGraph(model, block!, {}, traitsOf.webgpu);
      const [exact, half] = [await run(graph), await run(inHalfPrecision(graph))];
      const largest = exact.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const error = maxDifference(half, exact) / largest;
      expect(error).toBeLessThan(5e-3);
    } finally {
      await engine.dispose();
    }
  });
});
