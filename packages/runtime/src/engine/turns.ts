import { AsyncLocalStorage } from 'node:async_hooks';
import { throwIfAborted } from '@moepress/core';

/** A line in which everybody waits for those before them. */
class Line {
  #isTaken = false;
  readonly #waiting: (() => void)[] = [];

  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** Waits for its turn. Throws `ABORTED` and leaves the line when the signal is aborted before. */
  async enter(signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    if (!this.#isTaken) {
      this.#isTaken = true;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const go = () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      const stop = () => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        try {
          throwIfAborted(signal);
        } catch (error) {
          reject(error);
        }
      };
      this.#waiting.push(go);
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#isTaken = false;
  }
}

interface Turn {
  /** The calls that come from within this one take turns among themselves. */
  readonly inner: Line;
  readonly around: Turn | undefined;
  isOver: boolean;
}

/**
 * Lets calls take turns, first come first served. A call that is made from within another one, such as a service of
 * which a calibrated method makes use while a layer is replayed, takes its turn inside that one and does not wait for it.
 */
export class Turns {
  readonly #line = new Line();
  readonly #current = new AsyncLocalStorage<Turn>();

  /** Whether this is called from within a turn. */
  get isInside(): boolean {
    return this.#around() !== undefined;
  }

  /** Calls `use` when all calls before this one are done. Throws `ABORTED` if the signal is aborted before that. */
  async take<R>(use: () => Promise<R>, signal?: AbortSignal): Promise<R> {
    const around = this.#around();
    const line = around?.inner ?? this.#line;
    await line.enter(signal);
    const turn: Turn = { inner: new Line(), around, isOver: false };
    try {
      return await this.#current.run(turn, use);
    } finally {
      // Nobody may be at work inside a turn that is over.
      while (turn.inner.isTaken) {
        await turn.inner.enter();
        turn.inner.leave();
      }
      turn.isOver = true;
      line.leave();
    }
  }

  /** The innermost turn that this is called from within. */
  #around(): Turn | undefined {
    let turn = this.#current.getStore();
    while (turn?.isOver) turn = turn.around;
    return turn;
  }
}
