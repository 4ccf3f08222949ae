import type { ScoredToken } from '../../sampling/likelihoods.js';
import type { ChatRequest } from '../protocol/chat.js';
import { RequestError } from '../request-error.js';
import { complete, type Piece, Teller } from './complete.js';
import { type ChatLogprobs, chatLogprobsOf } from './logprobs.js';
import { checkBytes, checkPrompts, type ServedModel, type Usage, usageOf } from './served-model.js';

/** The answer to `POST /v1/chat/completions` but for its envelope. */
export interface ChatAnswer {
  readonly choices: readonly {
    readonly index: number;
    readonly message: { readonly role: 'assistant'; readonly content: string; readonly refusal: null };
    readonly logprobs: ChatLogprobs | null;
    readonly finish_reason: 'stop' | 'length';
  }[];
  readonly usage: Usage;
}

/** A part of a choice as it is sent. */
export interface ChatDelta {
  readonly index: number;
  readonly delta: { readonly role?: 'assistant'; readonly content?: string };
  readonly logprobs: ChatLogprobs | null;
  readonly finish_reason: 'stop' | 'length' | null;
}

/**
 * Throws a `RequestError` if there is no template, or for messages that do not suit it or do not fit. `onDelta`: told of
 * each part of a choice as it comes.
 */
export async function answerChat(
  model: ServedModel,
  request: ChatRequest,
  signal: AbortSignal,
  onDelta?: (delta: ChatDelta) => void,
): Promise<ChatAnswer> {
  const { engine, texts, template, eosTokenIds } = model;
  if (template === null) {
    throw new RequestError(400, `${model.name} has no chat template: use /v1/completions.`, 'messages');
  }
  const given = JSON.stringify([request.messages, request.variables]);
  checkBytes(model, [given], 'messages');
  const text = await template.render(request.messages, request.variables, signal);
  checkBytes(model, [text], 'messages');
  // The template writes special tokens itself.
  const [prompt] = await texts.encode([text], { addSpecialTokens: false }, signal);
  const room = Math.max(1, engine.maxLength - prompt!.length);
  const maxTokens = request.maxTokens ?? Math.min(room, model.maxNewTokens ?? room);
  checkPrompts(model, [prompt!], maxTokens);

  const shownOf = (scored: readonly ScoredToken[] | null) =>
    scored && chatLogprobsOf(texts, withoutEnd(scored, eosTokenIds));
  const teller = onDelta && new Teller(deltaMaker(shownOf, request.choices, onDelta), onDelta);
  const completions = await complete(model, [prompt!], request, {
    maxTokens,
    logprobs: request.logprobs,
    onPiece: teller ? (answer, piece) => teller.tell(answer, piece) : null,
    signal,
  });
  await teller?.told();
  const choices = completions.map(async ({ text: content, scored, finishReason }, index) => ({
    index,
    message: { role: 'assistant' as const, content, refusal: null },
    logprobs: await shownOf(scored),
    finish_reason: finishReason,
  }));
  const answers = completions.map(({ newIds }) => newIds);
  return { choices: await Promise.all(choices), usage: usageOf([prompt!], answers) };
}

/** The token that ends an answer is not shown. */
function withoutEnd(scored: readonly ScoredToken[], eosTokenIds: readonly number[]): readonly ScoredToken[] {
  return eosTokenIds.includes(scored.at(-1)?.id ?? -1) ? scored.slice(0, -1) : scored;
}

/** Each choice begins with the role of who speaks, and ends with why it ends. */
function deltaMaker(
  shownOf: (scored: readonly ScoredToken[] | null) => Promise<ChatLogprobs> | null,
  choices: number,
  onDelta: (delta: ChatDelta) => void,
) {
  let begun = false;
  return async (index: number, { text, scored, finishReason }: Piece): Promise<ChatDelta> => {
    for (let choice = 0; !begun && choice < choices; choice++) {
      const delta = { role: 'assistant', content: '' } as const;
      onDelta({ index: choice, delta, logprobs: null, finish_reason: null });
    }
    begun = true;
    const logprobs = await shownOf(scored);
    const hasLogprobs = logprobs !== null && logprobs.content.length > 0;
    if (finishReason !== null && (text !== '' || hasLogprobs)) {
      onDelta({ index, delta: { content: text }, logprobs, finish_reason: null });
      return { index, delta: {}, logprobs: null, finish_reason: finishReason };
    }
    const delta = finishReason === null ? { content: text } : {};
    return { index, delta, logprobs: hasLogprobs ? logprobs : null, finish_reason: finishReason };
  };
}
