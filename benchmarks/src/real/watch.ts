import { descendants, type Usage, usageOf } from './process.js';

/** Milliseconds between looks, and looks between those for new processes. */
const interval = 10;
const looksAtFamily = 10;

/** Watches a process and what it starts, until `stop` tells the peaks of memory and the sums of the rest. */
export class Watch {
  readonly #timer: NodeJS.Timeout;
  readonly #last = new Map<number, Usage>();
  #looks = 0;
  #family: number[] = [];
  #anonymous = 0;
  #file = 0;

  /** `onAnonymous` hears how much anonymous memory all of them have, at every look. */
  constructor(
    readonly pid: number,
    readonly onAnonymous: (bytes: number) => void = () => {},
  ) {
    this.#timer = setInterval(() => this.#look(), interval);
    this.#look();
  }

  stop(): Usage {
    clearInterval(this.#timer);
    const all = [...this.#last.values()];
    return {
      anonymous: this.#anonymous,
      file: this.#file,
      cpu: all.reduce((sum, { cpu }) => sum + cpu, 0),
      written: all.reduce((sum, { written }) => sum + written, 0),
    };
  }

  #look(): void {
    if (this.#looks++ % looksAtFamily === 0) this.#family = descendants(this.pid);
    let [anonymous, file] = [0, 0];
    for (const pid of [this.pid, ...this.#family]) {
      const usage = usageOf(pid);
      if (usage === null) continue;
      this.#last.set(pid, usage);
      anonymous += usage.anonymous;
      file += usage.file;
    }
    this.#anonymous = Math.max(this.#anonymous, anonymous);
    this.#file = Math.max(this.#file, file);
    this.onAnonymous(anonymous);
  }
}
