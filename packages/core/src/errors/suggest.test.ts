import { describe, expect, test } from 'vitest';
import { suggest } from './suggest.js';

const methods = ['conmoe', 'random', 'frequency', 'reap'];

describe('suggest', () => {
  test.each([
    ['conmo', 'conmoe'],
    ['ConMoE', 'conmoe'],
    ['raep', 'reap'],
    ['frequncy', 'frequency'],
    ['randon', 'random'],
  ])('%s was meant as %s', (given, meant) => {
    expect(suggest(given, methods)).toBe(meant);
  });

  test.each(['wanda', 'fisher', ''])('nothing is close to "%s"', (given) => {
    expect(suggest(given, methods)).toBeUndefined();
  });

  test('what nobody would type is compared with nothing', () => {
    expect(suggest('conmoe'.repeat(1e6), methods)).toBeUndefined();
    expect(suggest('reap', ['reap'.repeat(1e6)])).toBeUndefined();
  });

  test('there is nothing to suggest where nothing is known', () => {
    expect(suggest('reap', [])).toBeUndefined();
  });
});
