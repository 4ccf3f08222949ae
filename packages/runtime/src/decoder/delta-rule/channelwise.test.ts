import type { Value } from '@moepress/core';
import { neg, sigmoid, square } from '@moepress/graph';
import { afterAll, expect, it } from 'vitest';
import { EngineWorker } from '../../engine/worker.js';
import { numbers, worstGradientError } from '../../testing/gradient-check.js';
import { deltaRule } from './chunks.test.util.js';

const worker = new EngineWorker(1);
afterAll(() => worker.dispose());

/** Two chunks of three tokens of one sequence: two heads, whose keys have three channels, each with a decay of its own. */
const front = [2, 1, 2, 1, 3];
const inputs = {
  state: numbers(1, 2, 1, 3, 2),
  query: numbers(...front, 3),
  key: numbers(...front, 3),
  value: numbers(...front, 2),
  beta: numbers(...front, 1),
  decay: numbers(...front, 3),
};

it.each(['output', 'state'] as const)(
  'a decay for each channel has the derivatives of its %s',
  async (name) => {
    const error = await worstGradientError(worker, inputs, (_, values) => {
      const { state, query, key, value, beta, decay } = values as Record<keyof typeof inputs, Value>;
      const parts = { query, key, value, beta: sigmoid(beta), decay: neg(square(decay)) };
      return deltaRule(state, parts)[name];
    });
    expect(error).toBeLessThan(1e-6);
  },
);
