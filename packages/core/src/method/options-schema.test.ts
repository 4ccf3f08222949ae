import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { optionsJsonSchema, parseOptions } from './options-schema.js';

const compressor = {
  name: 'toy',
  options: z.strictObject({ ratio: z.number().min(0).lt(1), seed: z.int().default(0) }),
};

describe('parseOptions', () => {
  test('fills in defaults', () => {
    expect(parseOptions(compressor, { ratio: 0.25 })).toEqual({ ratio: 0.25, seed: 0 });
  });

  test.each([
    ['ratio', { ratio: 1 }],
    ['ratio', {}],
    ['seed', { ratio: 0.5, seed: 0.5 }],
  ])('names the option %s in %o', (option, given) => {
    expect(() => parseOptions(compressor, given)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID', where: `options.${option}` }),
    );
  });

  test('refuses an option nobody knows, and says which there are', () => {
    expect(() => parseOptions(compressor, { ratio: 0.5, sed: 2 })).toThrow(
      expect.objectContaining({
        code: 'OPTIONS_INVALID',
        message: 'toy has no option "sed". Did you mean "seed"?',
        where: 'options',
        hint: 'Pick from ratio, seed.',
      }),
    );
  });
});

describe('a schema of another library', () => {
  const options = {
    '~standard': {
      version: 1 as const,
      vendor: 'mine',
      validate: (value: unknown) =>
        (value as { ratio?: unknown }).ratio === 0.5
          ? { value: { ratio: 0.5 } }
          : { issues: [{ message: 'Only a half', path: [{ key: 'ratio' }] }] },
    },
  };

  test('is asked as the standard says', () => {
    expect(parseOptions({ name: 'mine', options }, { ratio: 0.5 })).toEqual({ ratio: 0.5 });
    expect(() => parseOptions({ name: 'mine', options }, {})).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID', message: 'Only a half.', where: 'options.ratio' }),
    );
    expect(optionsJsonSchema(options)).toBeNull();
  });

  test('has to answer at once', () => {
    const slow = { '~standard': { ...options['~standard'], validate: async () => ({ value: {} }) } };
    expect(() => parseOptions({ name: 'slow', options: slow }, {})).toThrow(
      expect.objectContaining({ code: 'PLUGIN_INVALID', message: expect.stringContaining('by a promise') }),
    );
  });
});
