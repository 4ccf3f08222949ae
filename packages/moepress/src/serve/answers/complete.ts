import { cutAnswer } from '@moepress/harness';
import type { TokenScore } from '@moepress/runtime';
import type { ScoredToken } from '../../sampling/likelihoods.js';
import { createSampler, isGreedy } from '../../sampling/sampler.js';
import type { DecodingRequest } from '../protocol/decoding.js';
import { RequestError } from '../request-error.js';
import { Continuation } from './continuation.js';
import type { ServedModel } from './served-model.js';

export interface Completion {
  readonly text: string;
  /** The generated ids, including the one that ended generation. */
  readonly newIds: readonly number[];
  /** Log-probabilities of each of `newIds`; null if not requested. */
  readonly scored: readonly ScoredToken[] | null;
  readonly finishReason: 'stop' | 'length';
}

/** A part of an answer that is on its way. */
export interface Piece {
  readonly text: string;
  /** Tokens that have come since the piece before it; null where nobody asked. */
  readonly scored: readonly ScoredToken[] | null;
  /** Null: more follows. */
  readonly finishReason: 'stop' | 'length' | null;
}

export interface CompleteOptions {
  readonly maxTokens: number;
  readonly logprobs: number | null;
  /** Told of each piece of each answer, in the order in which they come; the last one has a reason. */
  readonly onPiece: ((answer: number, piece: Piece) => void) | null;
  readonly signal: AbortSignal;
}

/**
 * As many answers to each prompt as wanted, those of the first prompt first, each cut before the first stop. Throws a
 * `RequestError` for a model that cannot be generated from.
 */
export async function complete(
  model: ServedModel,
  prompts: readonly (readonly number[])[],
  { choices, sampling, stops }: DecodingRequest,
  { maxTokens, logprobs, onPiece, signal }: CompleteOptions,
): Promise<Completion[]> {
  const { engine, texts, eosTokenIds, refusal, vocabSize } = model;
  if (maxTokens === 0) return prompts.flatMap(() => Array.from({ length: choices }, () => nothing(logprobs)));
  if (refusal !== null) throw new RequestError(400, refusal, 'model');
  const wrong = [...sampling.logitBias.keys()].find((id) => id >= vocabSize);
  if (wrong !== undefined) {
    throw new RequestError(400, `logit_bias: token id ${wrong} is not in 0..${vocabSize - 1}.`, 'logit_bias');
  }
  const numbers = Array.from({ length: prompts.length * choices }, (_, answer) => answer);
  const sent = numbers.map(() => 0);
  const continuations = numbers.map((answer): Continuation => {
    const choice = answer % choices;
    const onText = (text: string, count: number) => {
      const scored = continuations[answer]!.scored?.slice(sent[answer], count) ?? null;
      sent[answer] = count;
      onPiece!(answer, { text, scored, finishReason: null });
    };
    return new Continuation(prompts[Math.floor(answer / choices)]!, texts, {
      maxNewTokens: maxTokens,
      eosTokenIds,
      stops,
      sampler: isGreedy(sampling) ? null : createSampler(sampling, choice),
      logprobs,
      onText: onPiece ? onText : null,
    });
  });
  const finish = async (continuation: Continuation, answer: number): Promise<Completion> => {
    await continuation.ended;
    const { newIds, scored, isStopped, told } = continuation;
    const whole = await texts.decode(newIds, { skipSpecialTokens: true });
    const text = cutAnswer(whole, stops, null);
    const ended = isStopped || text !== whole || eosTokenIds.includes(newIds.at(-1) ?? -1);
    const finishReason = ended ? 'stop' : 'length';
    onPiece?.(answer, {
      text: text.slice(told.length),
      scored: scored?.slice(sent[answer]) ?? null,
      finishReason,
    });
    return { text, newIds, scored, finishReason };
  };
  const finished = Promise.all(continuations.map(finish));
  await Promise.race([engine.generate(continuations, signal), finished.then(() => {})]);
  return finished;
}

const nothing = (logprobs: number | null): Completion => ({
  text: '',
  newIds: [],
  scored: logprobs === null ? null : [],
  finishReason: 'length',
});

/**
 * Prompts as they are with one greedy token after each, and the scores of all their tokens but the first, in
 * a single pass: what follows the last token is read off the scores of a token put there for the purpose.
 */
export async function echoOne(
  { engine }: ServedModel,
  prompts: readonly (readonly number[])[],
  signal: AbortSignal,
): Promise<{ readonly next: number; readonly scores: readonly TokenScore[] }[]> {
  const anything = 0;
  const items = prompts.map((ids) => ({ ids: [...ids, anything], from: 1 }));
  return (await engine.scoreTokens(items, signal)).map((scores) => {
    const { best, bestLogprob } = scores.at(-1)!;
    return { next: best, scores: scores.with(-1, { logprob: bestLogprob, best, bestLogprob }) };
  });
}

/** Tells pieces of answers in the order in which they come, though making each takes a while. */
export class Teller<Choice> {
  readonly #make: (answer: number, piece: Piece) => Promise<Choice>;
  readonly #tell: (choice: Choice) => void;
  #told: Promise<void> = Promise.resolve();

  constructor(make: (answer: number, piece: Piece) => Promise<Choice>, tell: (choice: Choice) => void) {
    this.#make = make;
    this.#tell = tell;
  }

  tell(answer: number, piece: Piece): void {
    this.#told = this.#told.then(async () => this.#tell(await this.#make(answer, piece)));
    // Heard of by whoever waits for the end.
    this.#told.catch(() => {});
  }

  /** When all is told. Throws what making a piece threw. */
  told(): Promise<void> {
    return this.#told;
  }
}
