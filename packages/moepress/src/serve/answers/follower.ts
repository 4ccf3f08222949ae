import type { Texts } from '../texts.js';

/** Ids after which half a character is taken for what it is. */
const longestCharacter = 16;

/** Text of ids that come one by one, a piece at a time, each decoded behind what came just before it. */
class Pieces {
  readonly #texts: Texts;
  readonly #skipSpecialTokens: boolean;
  /** From where on ids are decoded once more, for what a tokenizer does between tokens; and how many have become text. */
  #start = 0;
  #read = 0;

  constructor(texts: Texts, skipSpecialTokens: boolean) {
    this.#texts = texts;
    this.#skipSpecialTokens = skipSpecialTokens;
  }

  /** What the first `count` of the ids add to the text: nothing while they end within a character. */
  async add(ids: readonly number[], count: number): Promise<string> {
    const decode = (end: number) =>
      this.#texts.decode(ids.slice(this.#start, end), { skipSpecialTokens: this.#skipSpecialTokens });
    const [before, now] = await Promise.all([decode(this.#read), decode(count)]);
    if (now.endsWith('\ufffd') && count - this.#read < longestCharacter) return '';
    this.#start = this.#read;
    this.#read = count;
    return now.startsWith(before) ? now.slice(before.length) : now;
  }
}

export interface FollowerOptions {
  readonly stops: readonly string[];
  /** Told of text that will not change any more, and of how many ids it is of. */
  readonly onText: ((piece: string, count: number) => void) | null;
  /** Told at which of the ids a stop was complete, counted from 1. */
  readonly onStop: (count: number) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Reads an answer while it grows: finds the first stop, special tokens included, and tells text as it comes. It may be
 * some tokens behind, and what it finds does not depend on how many.
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #forStops: Pieces;
  readonly #forText: Pieces;
  readonly #longest: number;
  #ids: readonly number[] = [];
  #done = 0;
  #tail = '';
  #text = '';
  #told = 0;
  #isStopped = false;
  #working: Promise<void> | null = null;

  constructor(texts: Texts, options: FollowerOptions) {
    this.#options = options;
    this.#forStops = new Pieces(texts, false);
    this.#forText = new Pieces(texts, true);
    this.#longest = options.stops.reduce((most, { length }) => Math.max(most, length), 0);
  }

  /** Text that has been told. */
  get told(): string {
    return this.#text.slice(0, this.#told);
  }

  /** `ids`: all of the answer so far. */
  push(ids: readonly number[]): void {
    if (ids.length <= this.#done || this.#isStopped) return;
    this.#ids = ids;
    this.#working ??= this.#work();
  }

  /** When all ids have been read. */
  async drain(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    try {
      while (this.#done < this.#ids.length && !this.#isStopped) {
        const count = this.#done + 1;
        await this.#read(this.#ids, count);
        this.#done = count;
      }
    } catch (error) {
      this.#isStopped = true;
      this.#options.onError(error);
    }
    this.#working = null;
  }

  async #read(ids: readonly number[], count: number): Promise<void> {
    const { stops, onText, onStop } = this.#options;
    const [raw, piece] = await Promise.all([
      stops.length > 0 ? this.#forStops.add(ids, count) : '',
      onText ? this.#forText.add(ids, count) : '',
    ]);
    this.#tail += raw;
    this.#text += piece;
    if (stops.some((stop) => this.#tail.includes(stop))) {
      this.#isStopped = true;
      onStop(count);
    }
    this.#tail = this.#longest > 1 ? this.#tail.slice(1 - this.#longest) : '';
    if (onText && !this.#isStopped) this.#tell(onText, count);
  }

  /** Up to the first stop, or an end that a stop may begin with. */
  #tell(onText: (piece: string, count: number) => void, count: number): void {
    const end = heldFrom(this.#text, this.#told, this.#options.stops);
    if (end <= this.#told) return;
    const piece = this.#text.slice(this.#told, end);
    this.#told = end;
    onText(piece, count);
  }
}

/** From where on a text cannot be told yet, of which `told` units have been: the first stop, or what one may begin with. */
export function heldFrom(text: string, told: number, stops: readonly string[]): number {
  return stops.reduce((end, stop) => {
    const at = text.indexOf(stop, told);
    if (at >= 0) return Math.min(end, at);
    for (let start = Math.max(told, text.length - stop.length + 1); start < end; start++) {
      if (stop.startsWith(text.slice(start))) return start;
    }
    return end;
  }, text.length);
}
