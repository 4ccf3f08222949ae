import { toyModel } from '@moepress/core/testing';
import { describe, expect, it } from 'vitest';
import { generationDefaults, generationSettings } from './generation.js';
import { refusalOf } from './support.test.util.js';

function defaults(generation: Readonly<Record<string, unknown>>) {
  const model = toyModel();
  return generationDefaults({ ...model, source: { ...model.source, generation } });
}

describe('generationDefaults', () => {
  it('passes over what changes no greedy continuation', () => {
    const sampling = { do_sample: true, temperature: 0.6, top_p: 0.8, top_k: 20, typical_p: 0.5 };
    const neutral = { repetition_penalty: 1, num_beams: 1, no_repeat_ngram_size: 0, min_length: 0 };
    const none = { suppress_tokens: null, guidance_scale: null, remove_invalid_values: false };
    expect(defaults({ ...sampling, ...neutral, ...none, use_cache: true })).toEqual({
      maxNewTokens: null,
      rules: null,
    });
  });

  it('takes a limit of new tokens', () => {
    expect(defaults({ max_new_tokens: 64 })).toEqual({ maxNewTokens: 64, rules: null });
    expect(refusalOf(() => defaults({ max_new_tokens: 'many' }))).toMatch(/max_new_tokens$/);
  });

  it('takes rules for the next token', () => {
    const rules = {
      repetitionPenalty: 1,
      noRepeatNgramSize: 0,
      minLength: 0,
      minNewTokens: 0,
      suppressed: [],
      suppressedFirst: [],
      badWords: [],
    };
    expect(defaults({ repetition_penalty: 1.05 }).rules).toEqual({ ...rules, repetitionPenalty: 1.05 });
    expect(defaults({ no_repeat_ngram_size: 3, min_length: -1 }).rules).toEqual({
      ...rules,
      noRepeatNgramSize: 3,
    });
    const lists = { suppress_tokens: [7], begin_suppress_tokens: [8], bad_words_ids: [[1, 2]] };
    expect(defaults({ ...lists, min_new_tokens: 4, min_length: 9 }).rules).toEqual({
      ...rules,
      minNewTokens: 4,
      minLength: 9,
      suppressed: [7],
      suppressedFirst: [8],
      badWords: [[1, 2]],
    });
    expect(defaults({ suppress_tokens: [], begin_suppress_tokens: [] }).rules).toBeNull();
  });

  it.each([
    ['num_beams', 4],
    ['exponential_decay_length_penalty', [15, 1.6]],
    ['sequence_bias', [[[1], -2.5]]],
    ['cache_implementation', 'quantized'],
    ['repetition_penalty', '1.0'],
    ['repetition_penalty', 0],
    ['no_repeat_ngram_size', 2.5],
    ['suppress_tokens', [-1]],
    ['bad_words_ids', []],
    ['bad_words_ids', [[]]],
  ])('refuses %s %j by name', (key, value) => {
    expect(refusalOf(() => defaults({ [key]: value }))).toBe(
      `CONFIG_UNSUPPORTED toy: generation_config.json: ${key}`,
    );
  });

  it('looks into config.json where there is no generation_config.json', () => {
    const config = { repetition_penalty: 1.3, hidden_size: 8, max_new_tokens: 5 };
    expect(generationSettings(null, config)).toEqual({ repetition_penalty: 1.3, max_new_tokens: 5 });
    expect(generationSettings({ do_sample: true }, config)).toEqual({ do_sample: true });
  });
});
