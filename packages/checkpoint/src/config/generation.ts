import { type Model, MoepressError, shown } from '@moepress/core';
import { z } from 'zod';
import type { JsonObject } from '../folder/json.js';

/**
 * What `generate()` of transformers 5.18 does to the logits of the next token before the largest is taken: the
 * processors of `generation/logits_process.py` that depend on token ids alone.
 */
export interface TokenRules {
  /** Divides positive and multiplies negative logits of tokens that prompt or continuation hold (arXiv 1909.05858); 1: none. */
  readonly repetitionPenalty: number;
  /** The length of token sequences that may not occur twice, the prompt included; 0: no limit. */
  readonly noRepeatNgramSize: number;
  /** Tokens, the prompt included, before which the text does not end. */
  readonly minLength: number;
  /** New tokens before which the text does not end. */
  readonly minNewTokens: number;
  /** Tokens that never come. */
  readonly suppressed: readonly number[];
  /** Tokens that do not come first. */
  readonly suppressedFirst: readonly number[];
  /** Sequences of tokens whose last does not come where the others are before it. */
  readonly badWords: readonly (readonly number[])[];
}

/** The effect of a checkpoint's own settings on greedy generation. */
export interface GenerationDefaults {
  /** Tokens after which `generate()` ends, whatever its caller asks for; null where the caller decides. */
  readonly maxNewTokens: number | null;
  /** Null where every token is the most probable one. */
  readonly rules: TokenRules | null;
}

const absent = (value: unknown) => value === undefined || value === null;
const isNot = (value: unknown) => absent(value) || value === false;
const noMoreThan = (most: number) => (value: unknown) => absent(value) || Number(value) <= most;
const isExactly = (neutral: unknown) => (value: unknown) => absent(value) || value === neutral;

/**
 * Settings that change what transformers 5.18 generates greedily and are not implemented, with the values that do not.
 * From `_get_logits_processor`, `_get_stopping_criteria`, the caches and the modes of decoding of its `generate()`.
 */
const neutral: Readonly<Record<string, (value: unknown) => boolean>> = {
  assistant_early_exit: absent,
  cache_implementation: (value) => value !== 'quantized',
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
  num_beams: noMoreThan(1),
  penalty_alpha: noMoreThan(0),
  remove_invalid_values: isNot,
  sequence_bias: absent,
  stop_strings: absent,
  token_healing: isNot,
  watermarking_config: absent,
};

const tokens = z.array(z.int().nonnegative());
const count = z.int().transform((number) => Math.max(0, number));

/** The settings that are implemented, by their names in the file, with the meaning of an absent one. */
const implemented = {
  repetition_penalty: z.number().positive().nullish(),
  no_repeat_ngram_size: count.nullish(),
  min_length: count.nullish(),
  min_new_tokens: count.nullish(),
  suppress_tokens: tokens.nullish(),
  begin_suppress_tokens: tokens.nullish(),
  bad_words_ids: z.array(tokens.min(1)).min(1).nullish(),
  max_new_tokens: z.int().positive().nullish(),
} as const;

/**
 * How the checkpoint itself wants to be generated from. Throws `CONFIG_UNSUPPORTED` naming the setting if one of them
 * changes greedy continuations and is not implemented, or has a value that `generate()` does not take.
 */
export function generationDefaults({ source, id }: Model): GenerationDefaults {
  const settings = source.generation;
  const failed = Object.entries(neutral).find(([key, holds]) => !holds(settings[key]));
  if (failed) throw refused(failed[0], settings[failed[0]], id);
  const read = <K extends keyof typeof implemented>(key: K): z.output<(typeof implemented)[K]> => {
    const { success, data } = implemented[key].safeParse(settings[key]);
    if (!success) throw refused(key, settings[key], id);
    return data as z.output<(typeof implemented)[K]>;
  };
  const rules: TokenRules = {
    repetitionPenalty: read('repetition_penalty') ?? 1,
    noRepeatNgramSize: read('no_repeat_ngram_size') ?? 0,
    minLength: read('min_length') ?? 0,
    minNewTokens: read('min_new_tokens') ?? 0,
    suppressed: read('suppress_tokens') ?? [],
    suppressedFirst: read('begin_suppress_tokens') ?? [],
    badWords: read('bad_words_ids') ?? [],
  };
  return { maxNewTokens: read('max_new_tokens') ?? null, rules: isNeutral(rules) ? null : rules };
}

const isNeutral = ({ repetitionPenalty, ...others }: TokenRules): boolean =>
  repetitionPenalty === 1 &&
  Object.values(others).every((rule) => (typeof rule === 'number' ? rule === 0 : rule.length === 0));

/** The settings that `generate()` begins with: generation_config.json, or config.json where that is absent. */
export const generationSettings = (generation: JsonObject | null, config: JsonObject): JsonObject => {
  if (generation !== null) return generation;
  const known = [...Object.keys(neutral), ...Object.keys(implemented)];
  const keys = known.filter((key) => Object.hasOwn(config, key));
  return Object.fromEntries(keys.map((key) => [key, config[key]]));
};

function refused(key: string, value: unknown, where: string): MoepressError {
  return new MoepressError('CONFIG_UNSUPPORTED', {
    message: `generation_config.json sets "${key}" to ${shown(value)}, which changes what generate() of transformers writes and is not implemented.`,
    where: `${where}: generation_config.json: ${key}`,
    hint: `Take "${key}" out of a copy of the checkpoint to generate without it; tasks that only score are not affected.`,
  });
}

const ids = z.union([z.int(), z.array(z.int())], 'expected a token id or a list of them').nullish();

/**
 * Tokens that end generation, as `generate()` of transformers takes them: from generation_config.json where there is
 * one, even if it names none, else from config.json as it stands, without defaults of its class. Negative ids, by which
 * some say that there is none, match no token. `file`: where config.json lies. Throws `CONFIG_INVALID`.
 */
export function readEosTokenIds(config: JsonObject, generation: JsonObject | null, file: string): number[] {
  const { eos_token_id: given } = generation ?? config;
  const { success, data, error } = ids.safeParse(given);
  if (success) return data == null ? [] : [data].flat().filter((id) => id >= 0);
  const where = generation === null ? file : file.replace(/config\.json$/, 'generation_config.json');
  throw new MoepressError('CONFIG_INVALID', {
    message: `"eos_token_id" is ${shown(given)}: ${error.issues[0]!.message}.`,
    where: `${where}: eos_token_id`,
  });
}

/** The token that a text begins with; null if the value is not a token, such as -1. */
export function asTokenId(given: unknown): number | null {
  return Number.isSafeInteger(given) && Number(given) >= 0 ? Number(given) : null;
}
