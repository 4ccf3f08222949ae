import type { Choice } from '@moepress/runtime';
import { type ScoredToken, scoredToken } from '../../sampling/likelihoods.js';
import type { Texts } from '../texts.js';
import { Follower } from './follower.js';

export interface ContinuationOptions {
  readonly maxNewTokens: number;
  readonly eosTokenIds: readonly number[];
  readonly stops: readonly string[];
  /** Null: the likeliest token, always. */
  readonly sampler: ((place: Choice) => number) | null;
  /** How many of the likeliest tokens are noted beside each; null: nothing is. */
  readonly logprobs: number | null;
  /** Told of text as it comes, and of how many tokens it is of. */
  readonly onText: ((piece: string, count: number) => void) | null;
}

/** A prompt that is being continued, until what ends it comes. */
export class Continuation {
  readonly prompt: readonly number[];
  /** When it has ended; fails if its text cannot be read. */
  readonly ended: Promise<void>;
  readonly #options: ContinuationOptions;
  readonly #follower: Follower | null;
  readonly #scored: ScoredToken[] = [];
  #newIds: readonly number[] = [];
  #stopAt: number | null = null;
  #isOver = false;
  #end!: (when: Promise<void> | void) => void;
  #fail!: (error: unknown) => void;

  constructor(prompt: readonly number[], texts: Texts, options: ContinuationOptions) {
    this.prompt = prompt;
    this.#options = options;
    this.ended = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    // Whoever asked may be gone.
    this.ended.catch(() => {});
    const { stops, onText } = options;
    const follows = stops.length > 0 || onText !== null;
    this.#follower = follows
      ? new Follower(texts, {
          stops,
          onText,
          onStop: (count) => {
            this.#stopAt = count;
            this.#isOver = true;
            this.#end();
          },
          onError: (error) => {
            this.#isOver = true;
            this.#fail(error);
          },
        })
      : null;
  }

  /** Tokens of the prompt. */
  get length(): number {
    return this.prompt.length;
  }

  get maxNewTokens(): number {
    return this.#options.maxNewTokens;
  }

  /** Whether somebody has to choose its tokens, or to note their likelihoods. */
  get wantsLogits(): boolean {
    return this.#options.sampler !== null || this.#options.logprobs !== null;
  }

  /** What was generated, up to the token that completed a stop. */
  get newIds(): readonly number[] {
    return this.#stopAt === null ? this.#newIds : this.#newIds.slice(0, this.#stopAt);
  }

  /** One entry for each of `newIds`; null where they are not noted. */
  get scored(): readonly ScoredToken[] | null {
    return this.#options.logprobs === null ? null : this.#scored.slice(0, this.newIds.length);
  }

  /** Whether a stop ended it. */
  get isStopped(): boolean {
    return this.#stopAt !== null;
  }

  /** Text that has been told. */
  get told(): string {
    return this.#follower?.told ?? '';
  }

  /** The token that follows, see `Chooser`. */
  choose(place: Choice): number {
    const { sampler, logprobs } = this.#options;
    const token = sampler ? sampler(place) : place.likeliest;
    if (logprobs !== null) this.#scored[place.newIds.length] = scoredToken(place.logits, token, logprobs);
    return token;
  }

  /** Takes all tokens so far; whether it needs no more. One that was begun anew comes to the same. */
  take(newIds: readonly number[]): boolean {
    if (this.#isOver) return true;
    this.#newIds = newIds;
    this.#follower?.push(newIds);
    const { eosTokenIds, maxNewTokens } = this.#options;
    if (!eosTokenIds.includes(newIds.at(-1)!) && newIds.length < maxNewTokens) return false;
    this.#isOver = true;
    this.#end(this.#follower?.drain());
    return true;
  }
}
