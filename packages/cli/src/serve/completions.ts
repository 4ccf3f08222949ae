import type { TokenScore } from '@moepress/runtime';
import { type Completion, complete, echoOne, type ServedModel } from './completion.js';
import { RequestError } from './errors.js';
import { type Logprobs, logprobsOf } from './logprobs.js';
import type { CompletionRequest } from './protocol.js';

export interface CompletionChoice {
  readonly index: number;
  readonly text: string;
  readonly logprobs: Logprobs | null;
  readonly finish_reason: 'stop' | 'length';
}

/** The answer to `POST /v1/completions` but for its envelope. */
export interface CompletionAnswer {
  readonly choices: readonly CompletionChoice[];
  readonly usage: Usage;
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** Throws a `RequestError` for prompts that do not fit. */
export async function answerCompletion(
  model: ServedModel,
  request: CompletionRequest,
  signal: AbortSignal,
): Promise<CompletionAnswer> {
  const prompts = request.prompts.map((prompt) =>
    typeof prompt === 'string' ? model.tokenizer.encode(prompt) : [...prompt],
  );
  checkLengths(model, prompts, request.maxTokens);
  const parts = isScoring(request)
    ? await scorePrompts(model, prompts, signal)
    : await continuePrompts(model, prompts, request, signal);
  const choices = parts.map(({ completion, scores }, index) => {
    const ids = prompts[index]!;
    const shown = request.echo ? [...ids, ...completion.newIds] : completion.newIds;
    const given = request.prompts[index]!;
    const prompt =
      typeof given === 'string' ? given : model.tokenizer.decode(ids, { skipSpecialTokens: false });
    return {
      index,
      text: (request.echo ? prompt : '') + completion.text,
      logprobs: scores && logprobsOf(model.tokenizer, shown, request.echo ? [null, ...scores] : scores),
      finish_reason: completion.finishReason,
    };
  });
  return {
    choices,
    usage: usageOf(
      prompts,
      parts.map(({ completion }) => completion),
    ),
  };
}

/** A prompt's continuation, and the scores of the tokens that are shown, where they are wanted. */
interface Part {
  readonly completion: Completion;
  readonly scores: readonly TokenScore[] | null;
}

/** What harnesses ask to have a prompt scored: one token at most, and the prompt with its log-probabilities. */
function isScoring({ echo, logprobs, maxTokens }: CompletionRequest): boolean {
  return echo && logprobs && maxTokens === 1;
}

async function scorePrompts(
  model: ServedModel,
  prompts: readonly number[][],
  signal: AbortSignal,
): Promise<Part[]> {
  const echoed = await echoOne(model, prompts, signal);
  return echoed.map(({ next, scores }) => ({
    completion: {
      text: model.tokenizer.decode([next]),
      newIds: [next],
      finishReason: model.eosTokenIds.includes(next) ? 'stop' : 'length',
    },
    scores,
  }));
}

async function continuePrompts(
  model: ServedModel,
  prompts: readonly number[][],
  { maxTokens, stops, echo, logprobs }: CompletionRequest,
  signal: AbortSignal,
): Promise<Part[]> {
  const completions = await complete(model, prompts, maxTokens, stops, signal);
  if (!logprobs) return completions.map((completion) => ({ completion, scores: null }));
  const items = prompts.map((ids, i) => ({
    ids: [...ids, ...completions[i]!.newIds],
    from: echo ? 1 : ids.length,
  }));
  const scores = await model.engine.scoreTokens(items, signal);
  return completions.map((completion, i) => ({ completion, scores: scores[i]! }));
}

/** Prompt and answer have to fit into the context. */
export function checkLengths(
  { engine }: ServedModel,
  prompts: readonly (readonly number[])[],
  maxTokens: number,
): void {
  for (const { length } of prompts) {
    if (length === 0) throw new RequestError(400, 'A prompt has no tokens.', 'prompt');
    if (length + maxTokens <= engine.maxLength) continue;
    throw new RequestError(
      400,
      `The context holds ${engine.maxLength} tokens; the prompt has ${length} and ${maxTokens} may follow.`,
      'prompt',
    );
  }
}

export function usageOf(prompts: readonly (readonly number[])[], completions: readonly Completion[]): Usage {
  const prompt = prompts.reduce((sum, { length }) => sum + length, 0);
  const completion = completions.reduce((sum, { newIds }) => sum + newIds.length, 0);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}
