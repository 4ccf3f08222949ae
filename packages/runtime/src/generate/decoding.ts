import { type Layout, layOut } from '../forward/layout.js';
import { type GenerateOptions, isFinished } from './options.js';

/** A batch of sequences that grow by a token each run. */
export class Decoding {
  readonly #results: readonly number[][];
  readonly #options: GenerateOptions;
  readonly #finished: boolean[];
  readonly #lengths: number[];
  #layout: Layout;
  #past: readonly number[] | null = null;

  /** `results` receives the new tokens of each sequence, under the numbers that the prompts' layout has for them. */
  constructor(prompts: Layout, results: readonly number[][], options: GenerateOptions) {
    this.#layout = prompts;
    this.#results = results;
    this.#options = options;
    this.#lengths = [...prompts.lengths];
    this.#finished = prompts.sequences.map(() => false);
  }

  /** What the next run computes: the prompts, then the newest token of each sequence. */
  get layout(): Layout {
    return this.#layout;
  }

  /** Tokens of each sequence before that run; null if there are none. */
  get past(): readonly number[] | null {
    return this.#past;
  }

  get isDone(): boolean {
    return this.#finished.every(Boolean);
  }

  /** Sequences that grow no more. */
  get finished(): number {
    return this.#finished.filter(Boolean).length;
  }

  /** Takes the tokens that follow, one for each sequence; those of finished ones are of no interest. */
  take(tokens: ArrayLike<number>): void {
    const { sequences } = this.#layout;
    for (const [b, index] of sequences.entries()) {
      if (this.#finished[b]) continue;
      const ids = this.#results[index]!;
      ids.push(tokens[b]!);
      this.#finished[b] = isFinished(ids, this.#options);
    }
    this.#past = [...this.#lengths];
    this.#layout = layOut(
      sequences.map((index, b) => ({ index, ids: [tokens[b]!] })),
      { starts: this.#lengths },
    );
    for (const b of this.#lengths.keys()) this.#lengths[b]!++;
  }
}
