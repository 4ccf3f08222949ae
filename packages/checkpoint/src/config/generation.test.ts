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
    expect(defaults({ ...sampling, ...neutral, ...none, use_cache: true })).toEqual({ maxNewTokens: null });
  });

  it('takes a limit of new tokens', () => {
    expect(defaults({ max_new_tokens: 64 })).toEqual({ maxNewTokens: 64 });
    expect(refusalOf(() => defaults({ max_new_tokens: 'many' }))).toMatch(/max_new_tokens$/);
  });

  it.each([
    ['repetition_penalty', 1.05],
    ['no_repeat_ngram_size', 3],
    ['suppress_tokens', [7]],
    ['begin_suppress_tokens', []],
    ['min_new_tokens', 4],
    ['num_beams', 4],
    ['exponential_decay_length_penalty', [15, 1.6]],
    ['repetition_penalty', '1.0'],
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
