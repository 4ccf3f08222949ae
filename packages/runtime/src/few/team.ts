/** Times that a thread looks again before it sleeps: some times as long as it takes to wake one. */
const looks = 10000;

/** Milliseconds after which a sleeping thread looks whether the others have given up. */
const nap = 200;

const [arrived, round, given] = [0, 1, 2];

/** Bytes that the threads of a team share to meet. */
export const meetingBytes = 16;

/** A thread's part of so many rows: [from, to). */
export type Share = (rows: number) => { readonly from: number; readonly to: number };

/** The parts of the threads of a team of so many. */
export const sharesOf = (count: number): Share[] =>
  Array.from({ length: count }, (_, i) => (rows) => ({
    from: Math.floor((i * rows) / count),
    to: Math.floor(((i + 1) * rows) / count),
  }));

/** Threads that do parts of the same work and wait for each other between its phases. */
export class Team {
  /** The number of this thread, from 0 on. */
  readonly index: number;
  readonly count: number;
  readonly #words: Int32Array;
  /** This thread's part of so many rows. */
  readonly shareOf: Share;

  /** `shared` has `meetingBytes`, which are zero to begin with. */
  constructor(shared: SharedArrayBuffer, index: number, count: number) {
    this.index = index;
    this.count = count;
    this.shareOf = sharesOf(count)[index]!;
    this.#words = new Int32Array(shared, 0, meetingBytes / 4);
  }

  /** Returns when all threads have come here. Throws where one of them has given up. */
  meet(): void {
    const words = this.#words;
    if (this.count === 1) return;
    const now = Atomics.load(words, round);
    if (Atomics.add(words, arrived, 1) === this.count - 1) {
      Atomics.store(words, arrived, 0);
      Atomics.store(words, round, now + 1);
      Atomics.notify(words, round);
      return;
    }
    for (let look = 0; look < looks; look++) if (Atomics.load(words, round) !== now) return;
    while (Atomics.load(words, round) === now) {
      if (Atomics.load(words, given) !== 0) throw new Error('Another thread has given up.');
      Atomics.wait(words, round, now, nap);
    }
  }

  /** Lets the threads that wait for this one go on, which fail. */
  giveUp(): void {
    giveUp(this.#words.buffer as SharedArrayBuffer);
  }
}

/** Lets all threads of a team that wait for another one go on, which fail: when one of them has ended, for example. */
export function giveUp(shared: SharedArrayBuffer): void {
  const words = new Int32Array(shared, 0, meetingBytes / 4);
  Atomics.store(words, given, 1);
  Atomics.notify(words, round);
}
