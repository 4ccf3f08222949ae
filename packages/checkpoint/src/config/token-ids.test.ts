import { describe, expect, it } from 'vitest';
import { asTokenId, readEosTokenIds } from './generation.js';
import { refusalOf } from './support.test.util.js';

const file = 'config.json';

describe('readEosTokenIds', () => {
  // What `model.generation_config.eos_token_id` of transformers 5.18 holds.
  it.each([
    ['of config.json alone', { eos_token_id: 2 }, null, [2]],
    ['of a list', { eos_token_id: [3, 4] }, null, [3, 4]],
    ['of generation_config.json first', { eos_token_id: 0 }, { eos_token_id: [0, 13] }, [0, 13]],
    ['of generation_config.json even if it has none', { eos_token_id: 2 }, { do_sample: true }, []],
    ['of generation_config.json even if it is null', { eos_token_id: 2 }, { eos_token_id: null }, []],
    ['of neither', {}, null, []],
    ['that stand for none', { eos_token_id: -1 }, null, []],
    ['that stand for none in a list', { eos_token_id: 0 }, { eos_token_id: [-1, 7] }, [7]],
  ])('takes those %s', (_, config, generation, ids) => {
    expect(readEosTokenIds(config, generation, file)).toEqual(ids);
  });

  it('names the file that is wrong', () => {
    const wrong = { eos_token_id: 'end' };
    expect(refusalOf(() => readEosTokenIds(wrong, null, file))).toBe(
      'CONFIG_INVALID config.json: eos_token_id',
    );
    expect(refusalOf(() => readEosTokenIds({}, wrong, file))).toBe(
      'CONFIG_INVALID generation_config.json: eos_token_id',
    );
  });
});

it.each([
  [1, 1],
  [0, 0],
  [-1, null],
  [null, null],
  [undefined, null],
  [[1, 2], null],
  ['<s>', null],
])('asTokenId takes %j as %j', (given, id) => {
  expect(asTokenId(given)).toBe(id);
});
