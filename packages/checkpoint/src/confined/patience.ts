/** On a busy machine the elapsed time may be this many times the processor time. */
const slowest = 20;

/** Milliseconds between two looks at the clock, for long and for short patience. */
const intervals = { most: 250, least: 10 };

/** Less than this part of a processor is what waiting takes; a thread that works has more on the busiest machine. */
const leastShare = 0.005;

/** Milliseconds without work after which a thread is given up. */
const longestRest = 3000;

/**
 * How long something may take: so many milliseconds of this process's processor time, because on a busy machine even
 * the shortest thing may take seconds by the clock; twenty times as many by the clock in any case.
 */
export class Patience {
  readonly milliseconds: number;
  /** Milliseconds after which to look again. */
  readonly interval: number;
  readonly #start = now();
  #last = this.#start;
  #rest = 0;

  constructor(milliseconds: number) {
    this.milliseconds = milliseconds;
    this.interval = Math.min(intervals.most, Math.max(intervals.least, milliseconds / 8));
  }

  isOver(): boolean {
    const { clock, used } = since(this.#start);
    if (clock < this.milliseconds) return false;
    return used >= this.milliseconds || clock >= slowest * this.milliseconds;
  }

  /**
   * Whether nobody has worked for three seconds, at looks an interval apart: a thread that ran out of memory is gone
   * without a word to one that waits for it. Not for work that may wait for a disk.
   */
  isDeserted(): boolean {
    const { clock, used } = since(this.#last);
    // A pause of the whole process, as of a container, is one long interval.
    const passed = Math.min(clock, 2 * this.interval);
    this.#rest = used < leastShare * clock ? this.#rest + passed : 0;
    this.#last = now();
    return this.#rest >= longestRest;
  }
}

interface Moment {
  readonly clock: number;
  /** Milliseconds of processor time. */
  readonly used: number;
}

function now(): Moment {
  const { user, system } = process.cpuUsage();
  return { clock: performance.now(), used: (user + system) / 1000 };
}

function since(start: Moment): Moment {
  const { clock, used } = now();
  return { clock: clock - start.clock, used: used - start.used };
}
