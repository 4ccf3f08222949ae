import { z } from 'zod';
import { RequestError } from './errors.js';

// Bodies as OpenAI's API has them. What is known and cannot be done is refused; what is unknown is passed over.

/** Prompts of one request. */
const maxPrompts = 1024;
const maxStops = 64;

/** Greedy decoding only: a server for measurements gives the same answer to the same question. */
const greedy = z
  .number()
  .refine((value) => value === 0, 'only 0: decoding is greedy')
  .nullish();

const neutral = z.literal(0, 'only 0: likelihoods stay as they are').nullish();

const decoding = {
  model: z.string().optional(),
  temperature: greedy,
  n: z.literal(1, 'only 1: decoding is greedy').nullish(),
  stream: z.literal(false, 'answers come whole').nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(maxStops)]).nullish(),
  frequency_penalty: neutral,
  presence_penalty: neutral,
  logit_bias: z.record(z.string(), z.literal(0, 'only 0: logits stay as they are')).nullish(),
};

const ids = z.array(z.int().nonnegative()).min(1);

const completionSchema = z.object({
  ...decoding,
  prompt: z.union([
    z.string(),
    ids,
    z.array(z.string()).min(1).max(maxPrompts),
    z.array(ids).min(1).max(maxPrompts),
  ]),
  max_tokens: z.int().nonnegative().nullish(),
  best_of: z.literal(1, 'only 1: decoding is greedy').nullish(),
  echo: z.boolean().nullish(),
  logprobs: z.int().min(0).max(1, 'at most 1: the likeliest token').nullish(),
  suffix: z.literal('', 'text cannot be inserted').nullish(),
});

const textPart = z.looseObject({ type: z.literal('text', 'only text is understood'), text: z.string() });

const message = z.looseObject({
  role: z.string(),
  content: z
    .union([z.string(), z.array(textPart).min(1)], 'expected a text or a list of parts of text')
    .nullish(),
});

const chatSchema = z.object({
  ...decoding,
  messages: z.array(message).min(1).max(maxPrompts),
  max_tokens: z.int().positive().nullish(),
  max_completion_tokens: z.int().positive().nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(1, 'at most 1: the likeliest token').nullish(),
  /** What servers of other makers give to the template, such as `enable_thinking`. */
  chat_template_kwargs: z.record(z.string(), z.json()).nullish(),
  add_generation_prompt: z.literal(true, 'answers are generated').nullish(),
  continue_final_message: z.literal(false, 'answers begin anew').nullish(),
  tools: z.array(z.unknown()).max(0, 'calls of tools are not read off the answer').nullish(),
  functions: z.array(z.unknown()).max(0, 'calls of functions are not read off the answer').nullish(),
  response_format: z.looseObject({ type: z.literal('text', 'answers are text') }).nullish(),
});

export interface CompletionRequest {
  readonly model: string | undefined;
  /** Text still has to be encoded. */
  readonly prompts: readonly (string | readonly number[])[];
  readonly maxTokens: number;
  readonly echo: boolean;
  readonly logprobs: boolean;
  readonly stops: readonly string[];
}

/** Roles and texts; what else a message has is for the template. */
export type ChatMessage = z.output<typeof message>;

export interface ChatRequest {
  readonly model: string | undefined;
  readonly messages: readonly ChatMessage[];
  /** For the template. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly logprobs: boolean;
  /** Whether the likeliest token is wanted beside each. */
  readonly topLogprobs: boolean;
  readonly maxTokens: number | null;
  readonly stops: readonly string[];
}

/** Throws a `RequestError` of status 400. */
export function parseCompletion(body: unknown): CompletionRequest {
  const { model, prompt, max_tokens, echo, logprobs, stop } = parse(completionSchema, body);
  return {
    model,
    prompts: isList(prompt) ? prompt : [prompt],
    maxTokens: max_tokens ?? 16,
    echo: echo ?? false,
    logprobs: logprobs != null,
    stops: stopsOf(stop),
  };
}

/** Throws a `RequestError` of status 400. */
export function parseChat(body: unknown): ChatRequest {
  const { model, messages, max_tokens, max_completion_tokens, stop, logprobs, top_logprobs, ...rest } = parse(
    chatSchema,
    body,
  );
  if (top_logprobs != null && !logprobs) {
    throw new RequestError(400, 'top_logprobs: only with logprobs.', 'top_logprobs');
  }
  return {
    model,
    messages,
    variables: rest.chat_template_kwargs ?? {},
    logprobs: logprobs ?? false,
    topLogprobs: (top_logprobs ?? 0) > 0,
    maxTokens: max_completion_tokens ?? max_tokens ?? null,
    stops: stopsOf(stop),
  };
}

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const { success, data, error } = schema.safeParse(body);
  if (success) return data;
  const { path, message } = error.issues[0]!;
  const param = path.join('.') || null;
  throw new RequestError(400, `${param ?? 'The body'}: ${message}.`, param);
}

function isList(prompt: string | number[] | string[] | number[][]): prompt is string[] | number[][] {
  return typeof prompt !== 'string' && typeof prompt[0] !== 'number';
}

function stopsOf(stop: string | readonly string[] | null | undefined): string[] {
  return (typeof stop === 'string' ? [stop] : [...(stop ?? [])]).filter((text) => text !== '');
}
