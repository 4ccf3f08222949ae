import type { Value } from '@moepress/core';
import { cast, GraphBuilder, neg, sigmoid, square } from '@moepress/graph';
import { afterAll, describe, expect, it } from 'vitest';
import { tensor } from '../../engine/protocol.js';
import { EngineWorker } from '../../engine/worker.js';
import { maxDifference } from '../../testing/golden.js';
import { numbers, worstGradientError } from '../../testing/gradient-check.js';
import { runGraph } from '../../testing/run-graph.js';
import { deltaRule } from './chunks.test.util.js';
import { deltaRuleStep } from './recurrence.js';

const worker = new EngineWorker(1);
afterAll(() => worker.dispose());

/** Two chunks of three tokens of one sequence: two heads of keys, each with two of values. */
const [chunks, length, keyHeads, group, keyDim, valueDim] = [2, 3, 2, 2, 3, 2];
const front = [chunks, 1, keyHeads];
const inputs = {
  state: numbers(1, keyHeads, group, keyDim, valueDim),
  query: numbers(...front, 1, length, keyDim),
  key: numbers(...front, 1, length, keyDim),
  value: numbers(...front, group, length, valueDim),
  beta: numbers(...front, group, length, 1),
  decay: numbers(...front, group, length, 1),
};

function parts({ query, key, value, beta, decay }: Record<string, Value>) {
  return { query: query!, key: key!, value: value!, beta: sigmoid(beta!), decay: neg(square(decay!)) };
}

describe('the delta rule', () => {
  it.each(['output', 'state'] as const)('has the derivatives of its %s', async (name) => {
    const error = await worstGradientError(
      worker,
      inputs,
      (_, values) => deltaRule(values.state!, parts(values))[name],
    );
    expect(error).toBeLessThan(1e-6);
  });

  it('is by chunks what it is token by token', async () => {
    const graph = new GraphBuilder('delta-rule');
    const values = Object.fromEntries(
      Object.entries(inputs).map(([name, { shape }]) => [name, graph.input(name, 'float32', shape)]),
    );
    const { output, state } = deltaRule(values.state!, parts(values));
    graph.output('output', cast(output, 'float32'));
    graph.output('after', state);
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, { shape, data }]) => [
        name,
        tensor('float32', [...shape], Float32Array.from(data)),
      ]),
    );
    const all = await runGraph(worker, graph.finish(), feeds);

    const step = new GraphBuilder('delta-rule.step');
    const one = (name: keyof typeof inputs, shape: readonly number[]) => step.input(name, 'float32', shape);
    const own = (name: keyof typeof inputs) =>
      one(name, [1, keyHeads, ...inputs[name].shape.slice(3).with(-2, 1)]);
    const before = one('state', inputs.state.shape);
    const next = deltaRuleStep(
      before,
      parts({
        query: own('query'),
        key: own('key'),
        value: own('value'),
        beta: own('beta'),
        decay: own('decay'),
      }),
    );
    step.output('output', next.output);
    step.output('after', next.state);
    const ir = step.finish();
    const outputs = new Float32Array(all.output!.data.length);
    let known = feeds.state!;
    for (let t = 0; t < chunks * length; t++) {
      const [chunk, at] = [Math.floor(t / length), t % length];
      const token = (name: 'query' | 'key' | 'value' | 'beta' | 'decay') => {
        const { shape, data } = inputs[name];
        const [groups, width] = [shape[3]!, shape[5]!];
        const picked = Float32Array.from({ length: keyHeads * groups * width }, (_, i) => {
          const head = Math.floor(i / width);
          return data[((chunk * keyHeads * groups + head) * length + at) * width + (i % width)]!;
        });
        return tensor('float32', [1, keyHeads, groups, 1, width], picked);
      };
      const made = await runGraph(worker, ir, {
        state: known,
        query: token('query'),
        key: token('key'),
        value: token('value'),
        beta: token('beta'),
        decay: token('decay'),
      });
      known = made.after!;
      for (let i = 0; i < keyHeads * group * valueDim; i++) {
        const head = Math.floor(i / valueDim);
        const place = ((chunk * keyHeads * group + head) * length + at) * valueDim + (i % valueDim);
        outputs[place] = Number(made.output!.data[i]);
      }
    }
    expect(maxDifference(all.output!.data as Float32Array, outputs)).toBeLessThan(1e-5);
    expect(maxDifference(all.after!.data as Float32Array, known.data as Float32Array)).toBeLessThan(1e-5);
  });
});
