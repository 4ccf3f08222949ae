import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { MoepressError } from '../errors/error.js';
import type { Compressor, PlanContext } from '../method/compressor.js';
import { moeBlocks } from '../model/walk.js';
import { toyModel } from '../testing/toy-model.js';
import { guarded } from './guard.js';

/** Keeps its state, and fails with whatever it is told to. */
class Failing implements Compressor {
  readonly specVersion = 1;
  readonly name = 'failing';
  readonly title = 'Failing';
  readonly reference = 'none';
  readonly options = z.strictObject({ ratio: z.number(), seed: z.int() });
  readonly #error: unknown;

  constructor(error: unknown) {
    this.#error = error;
  }

  needs(): never {
    throw this.#error;
  }

  async plan(): Promise<never> {
    throw this.#error;
  }
}

const options = { ratio: 0.5, seed: 0 };
const origin = { package: 'moepress-plugin-failing', version: '1.2.3' };

describe('a method that does not keep the contract', () => {
  const method = (change: Partial<Compressor>) =>
    guarded(
      {
        ...new Failing(null),
        options: new Failing(null).options,
        needs: () => [],
        plan: async () => ({ layers: [] }),
        ...change,
      } as Compressor,
      origin,
    );
  const context = () =>
    ({ model: toyModel({ layers: 1, experts: 4, topK: 2 }), options }) as unknown as Parameters<
      Compressor['plan']
    >[0];
  const blame = (message: string) => ({
    code: 'PLUGIN_INVALID',
    where: 'moepress-plugin-failing 1.2.3',
    message,
  });

  test('is blamed for needs that are no statistics', () => {
    const { model } = context();
    expect(() => method({ needs: () => ['expert-hits'] as never }).needs(model, options)).toThrow(
      expect.objectContaining(
        blame(
          'Method "failing" failed: needs() gave ["expert-hits"]: a list of statistics, each with name, version, pass and collect() was wanted.',
        ),
      ),
    );
  });

  test.each([[undefined], [null], [{}], [[]]])('is blamed for the decision %j', async (decision) => {
    await expect(method({ plan: async () => decision as never }).plan(context())).rejects.toMatchObject(
      blame(
        `Method "failing" failed: plan() gave ${JSON.stringify(decision)}: an object with a list of layers was wanted.`,
      ),
    );
  });

  test.each<[string, Compressor['plan']]>([
    [
      'the model',
      async ({ model }) => {
        (model.blocks as unknown[]).pop();
        return { layers: [] };
      },
    ],
    [
      'an expert',
      async ({ model }) => {
        const pool = moeBlocks(model)[0]!.ffn.pool as unknown[];
        pool.reverse();
        return { layers: [] };
      },
    ],
    [
      'the options',
      async ({ options: given }) => {
        (given as { ratio: number }).ratio = 0;
        return { layers: [] };
      },
    ],
  ])('is blamed for writing to %s', async (_, plan) => {
    await expect(method({ plan }).plan(context())).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      where: 'moepress-plugin-failing 1.2.3',
      message: expect.stringMatching(/Method "failing" failed: Cannot (delete|assign)/),
    });
  });
});

describe('a method that fails', () => {
  test.each([
    ['an error', new TypeError('x is undefined'), 'x is undefined'],
    ['something else', 'no', 'no'],
  ])('is blamed for %s', async (_, error, message) => {
    const method = guarded(new Failing(error), origin);
    const blame = expect.objectContaining({
      code: 'PLUGIN_INVALID',
      message: `Method "failing" failed: ${message}`,
      where: 'moepress-plugin-failing 1.2.3',
      cause: error,
    });
    expect(() => method.needs(toyModel(), options)).toThrow(blame);
    await expect(method.plan({} as PlanContext<typeof options>)).rejects.toEqual(blame);
  });

  test.each([
    ['what the user caused', new MoepressError('RATIO_TOO_HIGH', { message: 'Too few.' })],
    ['being stopped', new DOMException('x', 'AbortError')],
  ])('is not blamed for %s', async (_, error) => {
    const method = guarded(new Failing(error), origin);
    expect(() => method.needs(toyModel(), options)).toThrow(error);
    await expect(method.plan({} as PlanContext<typeof options>)).rejects.toBe(error);
  });
});
