import type { Tokenizer } from '@moepress/core';
import { decodeAll, encodeAll, MoepressError } from '@moepress/core';
import { overloaded, RequestError } from './request-error.js';

/** UTF-16 units of texts that are encoded at once; longer ones have a thread of their own. */
const quickLength = 2 ** 14;

/** Requests that may wait for the thread of long texts. */
const maxSlow = 8;

type Lane = 'quick' | 'slow';

/** Opens a tokenizer that works in a thread of its own; those of the two lanes are not the same. */
export type OpenTokenizer = (lane: Lane) => Promise<Tokenizer>;

interface Waiting {
  readonly ids: readonly number[];
  readonly resolve: (text: string) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Texts to ids and back, all of it in threads that are bounded in time and memory. Long texts have a thread of their
 * own, which is started when the first one comes, so that short ones never wait for them.
 */
export class Texts {
  readonly #open: OpenTokenizer;
  readonly #quick: Tokenizer;
  #slow: Promise<Tokenizer> | null = null;
  #slowWaiting = 0;
  /** What waits to be decoded, with special tokens and without. */
  readonly #waiting = new Map<boolean, Waiting[]>();
  readonly #decoding = new Map<boolean, Promise<void>>();

  private constructor(open: OpenTokenizer, quick: Tokenizer) {
    this.#open = open;
    this.#quick = quick;
  }

  /** Throws what opening the tokenizer throws. */
  static async start(open: OpenTokenizer): Promise<Texts> {
    return new Texts(open, await open('quick'));
  }

  /** Ids of each text. Throws a `RequestError` for what was stopped, or if many long texts wait. */
  async encode(
    texts: readonly string[],
    options: { readonly addSpecialTokens: boolean },
    signal: AbortSignal,
  ): Promise<number[][]> {
    if (texts.length === 0) return [];
    try {
      if (texts.reduce((sum, { length }) => sum + length, 0) <= quickLength) {
        // Not ended when the client leaves: the thread is everybody's.
        return await encodeAll(this.#quick, texts, options);
      }
      return await this.#encodeSlowly(texts, options, signal);
    } catch (error) {
      if (!MoepressError.isInstance(error) || error.code !== 'TOKENIZER_STOPPED') throw error;
      throw new RequestError(400, `The prompt cannot be read: ${error.message}`, 'prompt');
    }
  }

  /** The text of ids; what is asked for meanwhile is decoded together. */
  decode(ids: readonly number[], { skipSpecialTokens }: { readonly skipSpecialTokens: boolean }) {
    if (ids.length === 0) return Promise.resolve('');
    return new Promise<string>((resolve, reject) => {
      const waiting = this.#waiting.get(skipSpecialTokens) ?? [];
      this.#waiting.set(skipSpecialTokens, waiting);
      waiting.push({ ids, resolve, reject });
      if (this.#decoding.has(skipSpecialTokens)) return;
      this.#decoding.set(skipSpecialTokens, this.#decodeWaiting(skipSpecialTokens));
    });
  }

  async #encodeSlowly(
    texts: readonly string[],
    options: { readonly addSpecialTokens: boolean },
    signal: AbortSignal,
  ): Promise<number[][]> {
    if (this.#slowWaiting >= maxSlow) throw overloaded(503, 'Too many long prompts are waiting.', 5);
    this.#slowWaiting++;
    try {
      this.#slow ??= this.#open('slow').catch((error) => {
        this.#slow = null;
        throw error;
      });
      return await encodeAll(await this.#slow, texts, { ...options, signal });
    } finally {
      this.#slowWaiting--;
    }
  }

  async #decodeWaiting(skipSpecialTokens: boolean): Promise<void> {
    // What is asked for in one go is all there a moment later.
    await Promise.resolve();
    for (;;) {
      const batch = this.#waiting.get(skipSpecialTokens)!.splice(0);
      if (batch.length === 0) break;
      try {
        const lists = batch.map(({ ids }) => ids);
        const texts = await decodeAll(this.#quick, lists, { skipSpecialTokens });
        for (const [i, { resolve }] of batch.entries()) resolve(texts[i]!);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#decoding.delete(skipSpecialTokens);
  }
}
