import { elementCount, type TrainRequest, tensorsByPath } from '@moepress/core';
import { toyModel } from '@moepress/core/testing';
import { expect, it, vi } from 'vitest';
import type { EngineScope } from '../engine/scope.js';
import { requestFor } from '../testing/training.js';
import { Parameters } from './parameters.js';
import { planTraining } from './training-memory.js';

vi.mock('@moepress/checkpoint', async (original) => ({
  ...(await original<typeof import('@moepress/checkpoint')>()),
  anonymousMemory: () => 0,
}));

/** A model with matrices of 64 MiB, which are never read. */
const model = toyModel({ layers: 2, experts: 2, topK: 1, hidden: 2048, width: 8192 });
const bounds = { memory: 1e11, sizes: [6144], residencies: [true] };
const text = { ids: Array<number>(2048).fill(1), from: 1 };

/** Nothing is asked of a worker before training begins. */
const idle = { workers: [null], tensor: () => ({}) } as unknown as EngineScope;

/**
 * The plan of a run of two steps, one sequence each, in which everything is trained, unless `change` says otherwise.
 */
function planned(given: Partial<TrainRequest> = {}, own: Partial<typeof bounds> = {}) {
  const request = requestFor(model, {
    sequences: [text, text, text],
    steps: 2,
    sequencesPerStep: 1,
    ...given,
  });
  const parameters = new Parameters(idle, model, request.trainable);
  return planTraining(request, parameters, { ...bounds, ...own });
}

it('counts what AdamW remembers from the second step on', () => {
  const numbers = [...tensorsByPath(model).values()].reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const more = planned().predicted - planned({ steps: 1 }).predicted;
  expect(more).toBeGreaterThan(0);
  expect(more).toBeLessThanOrEqual(8 * numbers);
});

it('counts gradients that are added up beside those of the next batch', () => {
  const three = { sequencesPerStep: 3 };
  const [together, apart] = [planned(three), planned(three, { sizes: [2048] })];
  const alone = planned({}, { sizes: [2048] });
  expect(apart.predicted).toBeGreaterThan(alone.predicted);
  expect(together.tokens).toBe(6144);
});

it('takes smaller batches, then closes blocks, then refuses', () => {
  const sizes = [6144, 2048];
  const least = (residencies: boolean[]) => planned({ sequencesPerStep: 3 }, { sizes: [2048], residencies });
  const within = (memory: number) =>
    planned({ sequencesPerStep: 3 }, { sizes, residencies: [true, false], memory });
  expect(within(least([true]).predicted)).toMatchObject({ resident: true });
  expect(within(least([false]).predicted)).toMatchObject({ tokens: 2048, resident: false });
  expect(() => within(least([false]).predicted - 1)).toThrow(
    expect.objectContaining({ code: 'MEMORY_EXCEEDED' }),
  );
});
