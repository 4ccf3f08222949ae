import type { ChatTemplate } from './chat-template.js';
import { complete, type ServedModel } from './completion.js';
import { checkLengths, type Usage, usageOf } from './completions.js';
import { RequestError } from './errors.js';
import type { ChatRequest } from './protocol.js';

/** The answer to `POST /v1/chat/completions` but for its envelope. */
export interface ChatAnswer {
  readonly choices: readonly {
    readonly index: 0;
    readonly message: { readonly role: 'assistant'; readonly content: string };
    readonly logprobs: null;
    readonly finish_reason: 'stop' | 'length';
  }[];
  readonly usage: Usage;
}

/** Throws a `RequestError` if there is no template, or for messages that do not suit it or do not fit. */
export async function answerChat(
  model: ServedModel,
  template: ChatTemplate | null,
  { messages, maxTokens, stops }: ChatRequest,
  signal: AbortSignal,
): Promise<ChatAnswer> {
  if (template === null) {
    throw new RequestError(400, `${model.name} has no chat template: use /v1/completions.`, 'messages');
  }
  // The template writes special tokens itself.
  const prompt = model.tokenizer.encode(template(messages), { addSpecialTokens: false });
  const limit = maxTokens ?? Math.max(1, model.engine.maxLength - prompt.length);
  checkLengths(model, [prompt], limit);
  const [completion] = await complete(model, [prompt], limit, stops, signal);
  const message = { role: 'assistant', content: completion!.text } as const;
  return {
    choices: [{ index: 0, message, logprobs: null, finish_reason: completion!.finishReason }],
    usage: usageOf([prompt], [completion!]),
  };
}
