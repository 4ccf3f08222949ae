import type { Piece } from './complete.js';

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
