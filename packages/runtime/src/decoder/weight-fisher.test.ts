import type { LayerTaps } from '@moepress/core';
import { GraphBuilder, weightFisher } from '@moepress/graph';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tensor } from '../engine/protocol.js';
import { EngineWorker } from '../engine/worker.js';
import { runGraph } from '../testing/run-graph.js';

const [H, I] = [8, 4];
/** 3 H I / (2 H + 3 I) = 3.4: up to 3 tokens a product of tokens with tokens takes fewer operations. */
const counts = [0, 1, 3, 4, 9];

let worker: EngineWorker;
beforeAll(() => {
  worker = new EngineWorker(1);
});
afterAll(() => worker.dispose());

/** An expert on n tokens of which nothing is there but what the statistic looks at. */
function graphOf() {
  const graph = new GraphBuilder('fisher');
  const input = (name: string, width: number) => graph.input(name, 'float32', ['n', width]);
  const expert = { input: input('input', H), activation: input('activation', I) };
  const gradients = {
    gateProduct: input('gateProduct', I),
    upProduct: input('upProduct', I),
    output: input('output', H),
  };
  const taps = { ffnInput: expert.input, experts: [expert], gradients: { experts: [gradients] } };
  graph.output('sum', weightFisher.collect(graph, taps as unknown as LayerTaps).sum!);
  return graph.finish();
}

const widths = { input: H, activation: I, gateProduct: I, upProduct: I, output: H } as const;

it.each(counts)('is the mean squared gradient of the weights with %d tokens', async (n) => {
  const values = Object.fromEntries(
    Object.entries(widths).map(([name, width], k) => [
      name,
      Float32Array.from({ length: n * width }, (_, i) => Math.sin(1 + k + 1.7 * i)),
    ]),
  ) as Record<keyof typeof widths, Float32Array>;
  // The gradient of a weight is the sum of its row's gradients times its column's inputs.
  const squares = (rows: keyof typeof widths, columns: keyof typeof widths, j: number) => {
    let sum = 0;
    for (let h = 0; h < H; h++) {
      let gradient = 0;
      for (let t = 0; t < n; t++) gradient += values[rows][t * I + j]! * values[columns][t * H + h]!;
      sum += gradient ** 2;
    }
    return sum;
  };
  const expected = Array.from({ length: I }, (_, j) => {
    const rows = squares('gateProduct', 'input', j) + squares('upProduct', 'input', j);
    return (rows + squares('activation', 'output', j)) / H;
  });
  const feeds = Object.fromEntries(
    Object.entries(widths).map(([name, width]) => [
      name,
      tensor('float32', [n, width], values[name as keyof typeof widths]),
    ]),
  );
  const actual = [...((await runGraph(worker, graphOf(), feeds)).sum!.data as Float64Array)];
  for (const [j, value] of expected.entries()) expect(actual[j]).toBeCloseTo(value, 4);
});
