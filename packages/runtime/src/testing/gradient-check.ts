import type { Value } from '@moepress/core';
import { differentiate, GraphBuilder, type GraphIR, mul, reduceSum } from '@moepress/graph';
import { tensor } from '../engine/protocol.js';
import { EngineScope } from '../engine/scope.js';
import type { EngineWorker } from '../engine/worker.js';

/** A double-precision input of a graph whose gradient is checked. */
export interface Checked {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/**
 * The worst error of the gradients of Σ w·y against central differences, relative to the largest
 * gradient of the same input. `build` makes y from the inputs; w are fixed numbers, so that no
 * symmetry hides a mistake. Of each input `most` numbers are moved, spread evenly.
 */
export async function worstGradientError(
  worker: EngineWorker,
  inputs: Readonly<Record<string, Checked>>,
  build: (graph: GraphBuilder, inputs: Record<string, Value>) => Value,
  most = Number.POSITIVE_INFINITY,
): Promise<number> {
  const names = Object.keys(inputs);
  return new EngineScope([worker]).with(gradientGraph(inputs, build), async (session) => {
    const run = async (fed: Record<string, Float64Array>, fetch: string[]) => {
      const feeds = names.map((name) => [name, tensor('float64', inputs[name]!.shape, fed[name]!)]);
      const [results] = await worker.run([{ session, feeds: Object.fromEntries(feeds), fetch }]);
      return results!;
    };
    const at = Object.fromEntries(names.map((name) => [name, inputs[name]!.data]));
    const gradients = await run(
      at,
      names.map((name) => `gradient.${name}`),
    );
    let worst = 0;
    for (const name of names) {
      const analytic = gradients[`gradient.${name}`]!.data as Float64Array;
      const largest = analytic.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-12);
      const every = Math.max(1, Math.floor(analytic.length / most));
      for (let i = 0; i < analytic.length; i += every) {
        const step = 1e-5 * Math.max(1, Math.abs(at[name]![i]!));
        const loss = async (sign: number) => {
          const moved = at[name]!.with(i, at[name]![i]! + sign * step);
          return Number((await run({ ...at, [name]: moved }, ['loss'])).loss!.data[0]);
        };
        const numeric = ((await loss(1)) - (await loss(-1))) / (2 * step);
        worst = Math.max(worst, Math.abs(numeric - analytic[i]!) / largest);
      }
    }
    return worst;
  });
}

function gradientGraph(
  inputs: Readonly<Record<string, Checked>>,
  build: (graph: GraphBuilder, inputs: Record<string, Value>) => Value,
): GraphIR {
  const graph = new GraphBuilder('gradients');
  const values = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }]) => [name, graph.input(name, 'float64', shape)]),
  );
  const y = build(graph, values);
  const size = y.shape.reduce<number>((product, n) => product * Number(n), 1);
  const weights = graph.constant(
    Array.from({ length: size }, (_, i) => Math.sin(1 + 2 * i)),
    y.shape as number[],
    'float64',
  );
  graph.output('loss', reduceSum(mul(y, weights), [...y.shape.keys()]));
  const gradients = differentiate(graph, [{ value: y, gradient: weights }], Object.values(values));
  for (const [name, value] of Object.entries(values)) graph.output(`gradient.${name}`, gradients.get(value)!);
  return graph.finish();
}

/** Fixed numbers of either sign, none near zero or another. */
export function numbers(...shape: number[]): Checked {
  const size = shape.reduce((product, n) => product * n, 1);
  return {
    shape,
    data: Float64Array.from({ length: size }, (_, i) => 1.3 * Math.sin(2.1 + 1.7 * i) + 0.1 * Math.cos(i)),
  };
}
