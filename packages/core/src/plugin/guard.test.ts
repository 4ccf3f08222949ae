import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { MoepressError } from '../errors/error.js';
import type { Compressor, PlanContext } from '../method/compressor.js';
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
