import { type Model, MoepressError, shown } from '@moepress/core';
import type { JsonObject } from '../folder/json.js';

/** What a checkpoint's own settings make of greedy generation. */
export interface GenerationDefaults {
  /** Tokens after which `generate()` ends, whatever its caller asks for; null where the caller decides. */
  readonly maxNewTokens: number | null;
}

const absent = (value: unknown) => value === undefined || value === null;
const isNot = (value: unknown) => absent(value) || value === false;
const noMoreThan = (most: number) => (value: unknown) => absent(value) || Number(value) <= most;
const isExactly = (neutral: unknown) => (value: unknown) => absent(value) || value === neutral;

/**
 * Settings that change what transformers 5.18 generates greedily, with the values that do not. From
 * `_get_logits_processor`, `_get_stopping_criteria` and the modes of decoding of its `generate()`.
 */
const neutral: Readonly<Record<string, (value: unknown) => boolean>> = {
  assistant_early_exit: absent,
  bad_words_ids: absent,
  begin_suppress_tokens: absent,
  constraints: absent,
  dola_layers: absent,
  encoder_no_repeat_ngram_size: noMoreThan(0),
  encoder_repetition_penalty: isExactly(1),
  exponential_decay_length_penalty: absent,
  force_words_ids: absent,
  forced_bos_token_id: absent,
  forced_decoder_ids: absent,
  forced_eos_token_id: absent,
  guidance_scale: isExactly(1),
  max_time: absent,
  min_length: noMoreThan(0),
  min_new_tokens: noMoreThan(0),
  no_repeat_ngram_size: noMoreThan(0),
  num_beams: noMoreThan(1),
  penalty_alpha: noMoreThan(0),
  remove_invalid_values: isNot,
  repetition_penalty: isExactly(1),
  sequence_bias: absent,
  stop_strings: absent,
  suppress_tokens: absent,
  token_healing: isNot,
  watermarking_config: absent,
};

/**
 * How the checkpoint itself wants to be generated from. Throws `CONFIG_UNSUPPORTED` naming the setting if one of them
 * changes greedy continuations and is not implemented.
 */
export function generationDefaults({ source, id }: Model): GenerationDefaults {
  const settings = source.generation;
  const failed = Object.entries(neutral).find(([key, holds]) => !holds(settings[key]));
  if (failed) throw refused(failed[0], settings[failed[0]], id);
  const limit = settings.max_new_tokens;
  if (absent(limit)) return { maxNewTokens: null };
  if (!Number.isSafeInteger(limit) || Number(limit) < 1) throw refused('max_new_tokens', limit, id);
  return { maxNewTokens: Number(limit) };
}

/** The settings that `generate()` begins with: generation_config.json, or config.json where that is absent. */
export const generationSettings = (generation: JsonObject | null, config: JsonObject): JsonObject => {
  if (generation !== null) return generation;
  const keys = [...Object.keys(neutral), 'max_new_tokens'].filter((key) => Object.hasOwn(config, key));
  return Object.fromEntries(keys.map((key) => [key, config[key]]));
};

function refused(key: string, value: unknown, where: string): MoepressError {
  return new MoepressError('CONFIG_UNSUPPORTED', {
    message: `generation_config.json sets "${key}" to ${shown(value)}, which changes what generate() of transformers writes and is not implemented.`,
    where: `${where}: generation_config.json: ${key}`,
    mend: `Take "${key}" out of a copy of the checkpoint to generate without it; tasks that only score are not touched by it.`,
  });
}
