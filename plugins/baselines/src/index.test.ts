import { dropLowest, parseOptions } from '@moepress/core';
import { describe, expect, test } from 'vitest';
import baselines from './index.js';

describe('the plugin', () => {
  const droppers = baselines.scorers.map(dropLowest);

  test('offers its methods', () => {
    expect(baselines.scorers.map(({ name }) => name)).toEqual([
      'random',
      'frequency',
      'seer',
      'ean',
      'man',
      'msan',
      'reap',
      'reap-l2',
      'easy-ep',
      'mone-score',
      'expert-fisher',
    ]);
    expect(baselines.compressors.map(({ name }) => name)).toEqual([
      'naee',
      'stun',
      'camera',
      'dense-width',
      'hc-smoe',
      'm-smoe',
      'mone',
      'top-k',
      'layer-drop',
    ]);
  });

  test.each([
    ['ratio', { ratio: 1 }],
    ['ratio', { ratio: -0.1 }],
    ['seed', { ratio: 0.5, seed: 1.5 }],
  ])('checks option %s of %o', (option, options) => {
    for (const compressor of droppers) {
      expect(() => parseOptions(compressor, options)).toThrow(
        expect.objectContaining({ code: 'OPTIONS_INVALID', where: `options.${option}` }),
      );
    }
  });

  test('takes no option it does not know', () => {
    for (const compressor of droppers) {
      expect(() => parseOptions(compressor, { ratio: 0.5, scope: 2 })).toThrow('has no option "scope"');
    }
  });
});
