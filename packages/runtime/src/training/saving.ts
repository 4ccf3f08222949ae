/** The smallest ratio between the time of training and the time of saving its state. */
const leastShare = 20;

/** Says when a state is due to be saved. */
export class SaveClock {
  readonly #seconds: number;
  #next: number;

  /** `seconds` between two states. */
  constructor(seconds: number) {
    this.#seconds = seconds;
    this.#next = performance.now() + 1000 * seconds;
  }

  get isDue(): boolean {
    return performance.now() >= this.#next;
  }

  /** Calls `save`; the longer it takes, the later it is due again. */
  async run(save: () => Promise<void>): Promise<void> {
    const begin = performance.now();
    await save();
    const end = performance.now();
    this.#next = end + (this.#seconds === 0 ? 0 : Math.max(1000 * this.#seconds, leastShare * (end - begin)));
  }
}
