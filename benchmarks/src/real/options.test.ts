import { describe, expect, it } from 'vitest';
import { parseOptions } from './options.js';

describe('parseOptions', () => {
  it('takes modes, shapes, commands and rows', () => {
    expect(parseOptions([])).toMatchObject({ mode: 'commands', shapes: null, selection: null });
    const some = parseOptions(['gpt-oss,olmoe', 'eval,compress-reap', '--layers', '3', '--memory-limit=5']);
    expect(some).toMatchObject({
      mode: 'commands',
      selection: ['eval', 'compress-reap'],
      layers: 3,
      memoryLimit: 5,
    });
    expect(some.shapes?.map(({ name }) => name)).toEqual(['olmoe', 'gpt-oss']);
    expect(parseOptions(['limit', 'compress-reap'])).toMatchObject({
      mode: 'limit',
      shapes: null,
      add: false,
    });
    const row = parseOptions(['memory', 'olmoe', 'serve', '--add']);
    expect(row).toMatchObject({ mode: 'memory', selection: ['serve'], add: true });
    expect(row.shapes?.map(({ name }) => name)).toEqual(['olmoe']);
    const table = parseOptions(['table', 'gsm8k-4', '--python', 'python3', '--short']);
    expect(table).toMatchObject({ mode: 'table', selection: ['gsm8k-4'], python: 'python3', short: true });
  });

  it.each([
    [['olmo'], 'There is no mode or shape "olmo" here.', /Did you mean olmoe\?/],
    [['limit', 'olmoe,qwen', 'eval'], 'There is no shape "qwen" here.', /Did you mean qwen3\?/],
    [['table', '--add'], 'The table is measured in one run.', /npm run bench -- real/],
    [['olmoe,tabel'], 'There is no shape "tabel" here.', /Pick from olmoe/],
    [['olmoe', 'evla'], 'There is no command "evla" here.', /Did you mean eval\?/],
    [['table', 'arc'], 'There is no row "arc" here.', /Pick from arc_easy-150/],
    [['--layer', '3'], 'There is no option "--layer" here.', /Did you mean --layers\?/],
    [['--layers', 'two'], '"two" is not a positive whole number.', /--layers such as 4/],
    [['olmoe', 'eval', 'more'], 'Nothing is known to do with "more".', /npm run bench -- real/],
  ])('refuses %j', (args, message, hint) => {
    expect(() => parseOptions(args)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', message, hint: expect.stringMatching(hint) }),
    );
  });
});
