import type { Value } from '@moepress/core';
import { GraphBuilder, neg, square } from '@moepress/graph';
import { afterAll, describe, expect, it } from 'vitest';
import { tensor } from '../../engine/protocol.js';
import { EngineWorker } from '../../engine/worker.js';
import { maxDifference } from '../../testing/golden.js';
import { numbers, worstGradientError } from '../../testing/gradient-check.js';
import { runGraph } from '../../testing/run-graph.js';
import { scan, scanStep } from './scan.js';

const worker = new EngineWorker(1);
afterAll(() => worker.dispose());

/** Two chunks of three tokens of one sequence: two groups of two heads each. */
const [chunks, length, groups, heads, stateDim, headDim] = [2, 3, 2, 2, 3, 2];
const front = [chunks, 1, groups];
const inputs = {
  state: numbers(1, groups, heads, stateDim, headDim),
  query: numbers(...front, 1, length, stateDim),
  key: numbers(...front, 1, length, stateDim),
  value: numbers(...front, heads, length, headDim),
  decay: numbers(...front, heads, length, 1),
};

const parts = ({ query, key, value, decay }: Record<string, Value>) => ({
  query: query!,
  key: key!,
  value: value!,
  decay: neg(square(decay!)),
});

describe('the scan of a state space', () => {
  it.each([
    ['output', (values: Record<string, Value>) => scan(values.state!, parts(values)).output],
    ['state', (values: Record<string, Value>) => scan(values.state!, parts(values)).state],
  ])('has the derivatives of its %s', async (_, build) => {
    expect(await worstGradientError(worker, inputs, (_, values) => build(values))).toBeLessThan(1e-6);
  });

  it('is by chunks what it is token by token', async () => {
    const graph = new GraphBuilder('scan');
    const values = Object.fromEntries(
      Object.entries(inputs).map(([name, { shape }]) => [name, graph.input(name, 'float32', shape)]),
    );
    const { output, state } = scan(values.state!, parts(values));
    graph.output('output', output);
    graph.output('after', state);
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, { shape, data }]) => [
        name,
        tensor('float32', [...shape], Float32Array.from(data)),
      ]),
    );
    const all = await runGraph(worker, graph.finish(), feeds);

    const step = new GraphBuilder('scan.step');
    const own = (name: keyof typeof inputs) =>
      step.input(name, 'float32', [1, groups, ...inputs[name].shape.slice(3).with(-2, 1)]);
    const next = scanStep(
      step.input('state', 'float32', inputs.state.shape),
      parts({ query: own('query'), key: own('key'), value: own('value'), decay: own('decay') }),
    );
    step.output('output', next.output);
    step.output('after', next.state);
    const ir = step.finish();
    let known = feeds.state!;
    for (let t = 0; t < chunks * length; t++) {
      const [chunk, at] = [Math.floor(t / length), t % length];
      const place = (group: number, row: number, width: number, rows: number) =>
        (((chunk * groups + group) * rows + row) * length + at) * width;
      const token = (name: 'query' | 'key' | 'value' | 'decay') => {
        const { shape, data } = inputs[name];
        const [rows, width] = [shape[3]!, shape[5]!];
        const picked = Array.from({ length: groups * rows }, (_, i) => {
          const from = place(Math.floor(i / rows), i % rows, width, rows);
          return [...data.slice(from, from + width)];
        });
        return tensor('float32', [1, groups, rows, 1, width], Float32Array.from(picked.flat()));
      };
      const made = await runGraph(worker, ir, {
        state: known,
        ...{ query: token('query'), key: token('key'), value: token('value'), decay: token('decay') },
      });
      known = made.after!;
      for (let i = 0; i < groups * heads; i++) {
        const from = place(Math.floor(i / heads), i % heads, headDim, heads);
        const expected = (made.output!.data as Float32Array).slice(i * headDim, (i + 1) * headDim);
        const found = (all.output!.data as Float32Array).slice(from, from + headDim);
        expect(maxDifference(found, expected)).toBeLessThan(1e-5);
      }
    }
    expect(maxDifference(all.after!.data as Float32Array, known.data as Float32Array)).toBeLessThan(1e-5);
  });
});
