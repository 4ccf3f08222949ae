import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Sampling } from '../../sampling/sampler.js';
import { RequestError } from '../request-error.js';
import { maxPrompts, only } from './parse-field.js';

/** Stops of one request, and the UTF-16 units of each. */
const maxStops = 64;
const maxStopLength = 1024;

/** Tokens whose logits one request may change. */
const maxBiases = 1024;

const stop = z.string().max(maxStopLength, `a stop may have ${maxStopLength} characters`);
const penalty = z.number().min(-2).max(2).nullish();
const anything = z.unknown().optional();

/** How completions and chats say what is to be generated. */
export const decodingFields = {
  model: z.string().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z
    .strictObject({ include_usage: z.boolean().nullish(), include_obfuscation: z.boolean().nullish() })
    .nullish(),
  stop: z.union([stop, z.array(stop).max(maxStops, `at most ${maxStops}`)]).nullish(),
  n: z.int().min(1).max(maxPrompts).nullish(),

  temperature: z.number().min(0).max(100).nullish(),
  top_p: z.number().gt(0, 'must be above 0').max(1).nullish(),
  /** An extension of other servers, where -1 and 0 mean none. */
  top_k: z.int().min(-1).nullish(),
  seed: z.int().nullish(),
  presence_penalty: penalty,
  frequency_penalty: penalty,
  logit_bias: z
    .record(z.string().regex(/^\d{1,10}$/, 'expected the id of a token'), z.number().min(-100).max(100))
    .refine((biases) => Object.keys(biases).length <= maxBiases, `at most ${maxBiases} tokens`)
    .nullish(),

  // Of other servers; at these values they change nothing.
  min_p: only(0, 'top_p and top_k narrow the choice'),
  typical_p: only(1, 'top_p and top_k narrow the choice'),
  repetition_penalty: only(1, 'presence_penalty and frequency_penalty are there'),
  min_tokens: only(0, 'an answer ends where the model ends it'),
  ignore_eos: only(false, 'an answer ends where the model ends it'),
  skip_special_tokens: only(true, 'texts are without special tokens'),
  spaces_between_special_tokens: only(true, 'texts are without special tokens'),
  include_stop_str_in_output: only(false, 'texts end before the stop'),
  use_beam_search: only(false, 'beams are not searched'),

  // What these say is not about the answer.
  user: anything,
  metadata: anything,
  store: anything,
  service_tier: anything,
  safety_identifier: anything,
  prompt_cache_key: anything,
  prompt_cache_retention: anything,
  cache_prompt: anything,
};

type Fields = z.output<z.ZodObject<typeof decodingFields>>;

/** What a request wants to have generated of each prompt. */
export interface DecodingRequest {
  readonly model: string | undefined;
  /** Whether the answer is sent as it comes; with what it took at the end. */
  readonly stream: { readonly includeUsage: boolean } | null;
  readonly stops: readonly string[];
  /** Answers to each prompt. */
  readonly choices: number;
  readonly sampling: Sampling;
}

/** Throws a `RequestError` for parameters that do not go together. */
export function decodingOf(fields: Fields): DecodingRequest {
  const { model, stream, stream_options, stop, n } = fields;
  if (stream_options && !stream) {
    throw new RequestError(400, 'stream_options: only with stream.', 'stream_options');
  }
  const sampling = samplingOf(fields);
  if ((n ?? 1) > 1 && sampling.temperature === 0) {
    throw new RequestError(400, 'n: only 1 without a temperature: all answers would be the same.', 'n');
  }
  return {
    model: model ?? undefined,
    stream: stream ? { includeUsage: stream_options?.include_usage ?? false } : null,
    stops: [stop ?? []].flat().filter((text) => text !== ''),
    choices: n ?? 1,
    sampling,
  };
}

/** Greedy where no temperature is given: a server for measurements gives the same answer to the same question. */
function samplingOf(fields: Fields): Sampling {
  const { temperature, top_p, top_k, seed, presence_penalty, frequency_penalty, logit_bias } = fields;
  const topK = (top_k ?? 0) > 0 ? top_k! : null;
  const topP = top_p ?? 1;
  for (const [name, narrows] of [
    ['top_p', topP < 1],
    ['top_k', topK !== null],
  ] as const) {
    if (!narrows || temperature != null) continue;
    throw new RequestError(400, `${name}: only with a temperature; without one decoding is greedy.`, name);
  }
  return {
    temperature: temperature ?? 0,
    topK,
    topP,
    seed: seed ?? randomBytes(4).readUInt32LE(),
    presencePenalty: presence_penalty ?? 0,
    frequencyPenalty: frequency_penalty ?? 0,
    logitBias: new Map(
      Object.entries(logit_bias ?? {}).flatMap(([id, bias]) => (bias === 0 ? [] : [[Number(id), bias]])),
    ),
  };
}
