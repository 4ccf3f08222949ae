import type { ServedTemplate } from '../chat-template.js';
import { RequestError } from '../request-error.js';
import type { Texts } from '../texts.js';
import type { ServedEngine } from './served-engine.js';

/** A model that answers requests. */
export interface ServedModel {
  /** What clients call it. */
  readonly name: string;
  readonly engine: ServedEngine;
  readonly texts: Texts;
  /** Null if the checkpoint has none. */
  readonly template: ServedTemplate | null;
  readonly eosTokenIds: readonly number[];
  /** Ids of tokens are below it. */
  readonly vocabSize: number;
  /** Whether the checkpoint's own rules change which token is the likeliest. */
  readonly hasRules: boolean;
  /** Tokens of an answer where a chat does not say how many; null: as many as fit. */
  readonly maxNewTokens: number | null;
  /** Why nothing may be generated, if so. */
  readonly refusal: string | null;
}

/** UTF-8 bytes of a text for each token of the context, beyond which nobody needs to count its tokens. */
const bytesPerToken = 32;

/** Shorter texts are always encoded. */
const leastBytes = 2 ** 16;

/** UTF-8 bytes of a text, beyond which it cannot fit into the context. */
export const maxTextBytes = ({ engine }: Pick<ServedModel, 'engine'>): number =>
  Math.max(leastBytes, bytesPerToken * engine.maxLength);

/** Throws a `RequestError` for texts so long that they cannot fit, without encoding them. */
export function checkBytes(model: ServedModel, texts: readonly string[], param: string): void {
  const most = maxTextBytes(model);
  for (const text of texts) {
    const bytes = Buffer.byteLength(text);
    if (bytes <= most) continue;
    throw new RequestError(
      400,
      `The context holds ${model.engine.maxLength} tokens; a text of ${bytes} bytes is longer than any that fits.`,
      param,
    );
  }
}

/** Prompt and answer have to fit into the context, and ids into the vocabulary. Throws a `RequestError`. */
export function checkPrompts(
  { engine, vocabSize }: ServedModel,
  prompts: readonly (readonly number[])[],
  maxTokens: number,
): void {
  for (const ids of prompts) {
    if (ids.length === 0) throw new RequestError(400, 'A prompt has no tokens.', 'prompt');
    if (ids.length + maxTokens > engine.maxLength) {
      throw new RequestError(
        400,
        `The context holds ${engine.maxLength} tokens; the prompt has ${ids.length} and ${maxTokens} may follow.`,
        'prompt',
      );
    }
    const unknown = ids.find((id) => id >= vocabSize);
    if (unknown === undefined) continue;
    throw new RequestError(400, `Token id ${unknown} is not in 0..${vocabSize - 1}.`, 'prompt');
  }
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** What an answer took: each prompt once, however many answers it has. */
export function usageOf(
  prompts: readonly (readonly number[])[],
  answers: readonly (readonly number[])[],
): Usage {
  const count = (lists: readonly (readonly number[])[]) => lists.reduce((sum, { length }) => sum + length, 0);
  const [prompt, completion] = [count(prompts), count(answers)];
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}
