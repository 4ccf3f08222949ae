import { z } from 'zod';
import { RequestError } from '../request-error.js';
import { type DecodingRequest, decodingFields, decodingOf } from './decoding.js';
import { maxPrompts, only, parse } from './parse-field.js';

// Bodies of POST /v1/chat/completions as OpenAI's API has them.

/** The limit of OpenAI's API. */
const maxTopLogprobs = 20;

const textPart = z.looseObject({ type: z.literal('text', 'only text is understood'), text: z.string() });

const message = z.looseObject({
  role: z.string(),
  content: z
    .union([z.string(), z.array(textPart).min(1)], 'expected a text or a list of parts of text')
    .nullish(),
});

const none = (why: string) => z.array(z.unknown()).max(0, why).nullish();

const chatSchema = z.strictObject({
  ...decodingFields,
  messages: z.array(message).min(1).max(maxPrompts),
  max_tokens: z.int().positive().nullish(),
  max_completion_tokens: z.int().positive().nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(maxTopLogprobs, `at most ${maxTopLogprobs}`).nullish(),
  /** What servers of other makers give to the template, such as `enable_thinking`. */
  chat_template_kwargs: z.record(z.string(), z.json()).nullish(),
  add_generation_prompt: only(true, 'answers are generated'),
  continue_final_message: only(false, 'answers begin anew'),
  add_special_tokens: only(false, 'the template writes them'),
  echo: only(false, 'the template adds to the messages'),
  tools: none('tool calls are not parsed from the answer'),
  functions: none('function calls are not parsed from the answer'),
  documents: none('no documents are given to the template'),
  // Without tools there is nothing to choose.
  tool_choice: z.enum(['none', 'auto'], 'tool calls are not parsed from the answer').nullish(),
  function_call: z.enum(['none', 'auto'], 'function calls are not parsed from the answer').nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: z.looseObject({ type: z.literal('text', 'answers are text') }).nullish(),
  modalities: z.array(z.literal('text', 'answers are text')).nullish(),
});

/** Roles and texts; what else a message has is for the template. */
export type ChatMessage = z.output<typeof message>;

export interface ChatRequest extends DecodingRequest {
  readonly messages: readonly ChatMessage[];
  /** Variables for the template. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** How many of the likeliest tokens are told beside each; null: no log-probabilities. */
  readonly logprobs: number | null;
  /** Null: as many as fit. */
  readonly maxTokens: number | null;
}

/** Throws a `RequestError` of status 400. */
export function parseChat(body: unknown): ChatRequest {
  const fields = parse(chatSchema, body);
  const { messages, max_tokens, max_completion_tokens, logprobs, top_logprobs } = fields;
  if (top_logprobs != null && !logprobs) {
    throw new RequestError(400, 'top_logprobs: only with logprobs.', 'top_logprobs');
  }
  return {
    ...decodingOf(fields),
    messages,
    variables: fields.chat_template_kwargs ?? {},
    logprobs: logprobs ? (top_logprobs ?? 0) : null,
    maxTokens: max_completion_tokens ?? max_tokens ?? null,
  };
}
