import type { TokenScore } from '@moepress/runtime';
import { fromScore } from '../../sampling/likelihoods.js';
import { type CompletionRequest, isScoring } from '../protocol/completion.js';
import { type Completion, complete, echoOne, type Piece, Teller } from './complete.js';
import { type Logprobs, logprobsOf, type ShownToken } from './logprobs.js';
import { checkBytes, checkPrompts, type ServedModel, type Usage, usageOf } from './served-model.js';

export interface CompletionChoice {
  readonly index: number;
  readonly text: string;
  readonly logprobs: Logprobs | null;
  readonly finish_reason: 'stop' | 'length' | null;
}

/** The answer to `POST /v1/completions` but for its envelope. */
export interface CompletionAnswer {
  readonly choices: readonly CompletionChoice[];
  readonly usage: Usage;
}

/** Throws a `RequestError` for prompts that do not fit. `onChoice`: told of each part of a choice as it comes. */
export async function answerCompletion(
  model: ServedModel,
  request: CompletionRequest,
  signal: AbortSignal,
  onChoice?: (choice: CompletionChoice) => void,
): Promise<CompletionAnswer> {
  const prompts = await encodePrompts(model, request, signal);
  checkPrompts(model, prompts, request.maxTokens);
  const parts =
    isScoring(request) && !model.hasRules
      ? await scorePrompts(model, prompts, request, signal)
      : await continuePrompts(model, { prompts, request, signal, onChoice });
  const choices = parts.map(async ({ completion, shown }, index): Promise<CompletionChoice> => {
    const prompt = request.echo ? await echoed(model, request, prompts, index) : '';
    return {
      index,
      text: prompt + completion.text,
      logprobs: shown && (await logprobsOf(model.texts, shown)),
      finish_reason: completion.finishReason,
    };
  });
  const answers = parts.map(({ completion }) => completion.newIds);
  return { choices: await Promise.all(choices), usage: usageOf(prompts, answers) };
}

async function encodePrompts(
  model: ServedModel,
  { prompts }: CompletionRequest,
  signal: AbortSignal,
): Promise<readonly (readonly number[])[]> {
  const texts = prompts.filter((prompt) => typeof prompt === 'string');
  checkBytes(model, texts, 'prompt');
  const encoded = await model.texts.encode(texts, { addSpecialTokens: true }, signal);
  return prompts.map((prompt) => (typeof prompt === 'string' ? encoded.shift()! : prompt));
}

/** A prompt as it came; of ids, their text. */
async function echoed(
  { texts }: ServedModel,
  { prompts, choices }: CompletionRequest,
  ids: readonly (readonly number[])[],
  index: number,
): Promise<string> {
  const prompt = Math.floor(index / choices);
  const given = prompts[prompt]!;
  return typeof given === 'string' ? given : texts.decode(ids[prompt]!, { skipSpecialTokens: false });
}

/** A prompt's continuation, and the tokens that are shown with their likelihoods, where these are wanted. */
interface Part {
  readonly completion: Completion;
  readonly shown: readonly ShownToken[] | null;
}

async function scorePrompts(
  model: ServedModel,
  prompts: readonly (readonly number[])[],
  { logprobs }: CompletionRequest,
  signal: AbortSignal,
): Promise<Part[]> {
  const answers = await echoOne(model, prompts, signal);
  const parts = answers.map(async ({ next, scores }, i): Promise<Part> => {
    const text = await model.texts.decode([next], { skipSpecialTokens: true });
    const finishReason = model.eosTokenIds.includes(next) ? 'stop' : 'length';
    return {
      completion: { text, newIds: [next], scored: null, finishReason },
      shown: shownScores([...prompts[i]!, next], scores, logprobs!),
    };
  });
  return Promise.all(parts);
}

interface Continued {
  readonly prompts: readonly (readonly number[])[];
  readonly request: CompletionRequest;
  readonly signal: AbortSignal;
  readonly onChoice: ((choice: CompletionChoice) => void) | undefined;
}

async function continuePrompts(
  model: ServedModel,
  { prompts, request, signal, onChoice }: Continued,
): Promise<Part[]> {
  const { maxTokens, echo, logprobs, choices } = request;
  const teller = onChoice && new Teller(choiceMaker(model), onChoice);
  const completions = await complete(model, prompts, request, {
    maxTokens,
    logprobs,
    signal,
    onPiece: teller ? (answer, piece) => teller.tell(answer, piece) : null,
  });
  await teller?.told();
  if (logprobs === null) return completions.map((completion) => ({ completion, shown: null }));
  if (!echo) return completions.map((completion) => ({ completion, shown: completion.scored }));
  const items = prompts.map((ids) => ({ ids, from: 1 }));
  const scores = await model.engine.scoreTokens(items, signal);
  return completions.map((completion, i) => {
    const prompt = Math.floor(i / choices);
    const before = shownScores(prompts[prompt]!, scores[prompt]!, logprobs);
    return { completion, shown: [...before, ...completion.scored!] };
  });
}

/** All tokens of a sequence with their scores, but for the first, which nothing predicts. */
function shownScores(
  ids: readonly number[],
  scores: readonly TokenScore[],
  logprobs: number,
): readonly ShownToken[] {
  const first = { id: ids[0]!, logprob: null };
  return [first, ...scores.map((score, i) => fromScore(ids[i + 1]!, score, logprobs))];
}

/** Parts of choices as they are sent. */
function choiceMaker({ texts }: ServedModel) {
  const offsets = new Map<number, number>();
  return async (index: number, { text, scored, finishReason }: Piece): Promise<CompletionChoice> => {
    const offset = offsets.get(index) ?? 0;
    const logprobs = scored && (await logprobsOf(texts, scored, offset));
    const tokens = logprobs?.tokens.reduce((sum, { length }) => sum + length, 0) ?? 0;
    offsets.set(index, offset + tokens);
    return { index, text, logprobs, finish_reason: finishReason };
  };
}
