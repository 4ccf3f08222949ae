import type { ChatTemplate } from './chat-template.js';
import { complete, type ServedModel } from './completion.js';
import { checkLengths, type Usage, usageOf } from './completions.js';
import { RequestError } from './errors.js';
import { type ChatLogprobs, chatLogprobsOf } from './logprobs.js';
import type { ChatRequest } from './protocol.js';

/** The answer to `POST /v1/chat/completions` but for its envelope. */
export interface ChatAnswer {
  readonly choices: readonly {
    readonly index: 0;
    readonly message: { readonly role: 'assistant'; readonly content: string };
    readonly logprobs: ChatLogprobs | null;
    readonly finish_reason: 'stop' | 'length';
  }[];
  readonly usage: Usage;
}

/** Throws a `RequestError` if there is no template, or for messages that do not suit it or do not fit. */
export async function answerChat(
  model: ServedModel,
  template: ChatTemplate | null,
  { messages, variables, maxTokens, stops, logprobs, topLogprobs }: ChatRequest,
  signal: AbortSignal,
): Promise<ChatAnswer> {
  if (template === null) {
    throw new RequestError(400, `${model.name} has no chat template: use /v1/completions.`, 'messages');
  }
  // The template writes special tokens itself.
  const prompt = model.tokenizer.encode(template(messages, variables), { addSpecialTokens: false });
  const limit = maxTokens ?? Math.max(1, model.engine.maxLength - prompt.length);
  checkLengths(model, [prompt], limit);
  const [completion] = await complete(model, [prompt], limit, stops, signal);
  const message = { role: 'assistant', content: completion!.text } as const;
  const scored = logprobs ? await scoreAnswer(model, prompt, completion!.newIds, topLogprobs, signal) : null;
  return {
    choices: [{ index: 0, message, logprobs: scored, finish_reason: completion!.finishReason }],
    usage: usageOf([prompt], [completion!]),
  };
}

/** The tokens of an answer and their log-probabilities, but for that which ended it. */
async function scoreAnswer(
  { engine, tokenizer, eosTokenIds }: ServedModel,
  prompt: readonly number[],
  newIds: readonly number[],
  withTop: boolean,
  signal: AbortSignal,
): Promise<ChatLogprobs> {
  const shown = eosTokenIds.includes(newIds.at(-1) ?? -1) ? newIds.slice(0, -1) : newIds;
  if (shown.length === 0) return { content: [] };
  const [scores] = await engine.scoreTokens([{ ids: [...prompt, ...shown], from: prompt.length }], signal);
  return chatLogprobsOf(tokenizer, shown, scores!, withTop);
}
