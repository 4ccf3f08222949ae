import { setMaxListeners } from 'node:events';
import type { ServerResponse } from 'node:http';
import { overloaded } from '../request-error.js';

/** Lets so many requests in at once, and ends them when their time is over or the server closes. */
export class Admission {
  readonly #most: number;
  readonly #timeout: number;
  readonly #under = new Set<AbortController>();
  #isClosing = false;
  #whenEmpty: (() => void) | null = null;

  /** `timeout`: milliseconds for each. */
  constructor(most: number, timeout: number) {
    this.#most = most;
    this.#timeout = timeout;
  }

  /** Requests that are under way. */
  get count(): number {
    return this.#under.size;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Throws a `RequestError` where no request is let in any more. */
  checkOpen(): void {
    if (this.#isClosing) throw overloaded(503, 'The server is stopping.', 10);
  }

  /**
   * Calls `answer` with a signal that fires when the client has left, the time is over or the server does not wait any
   * longer; its reason is what to tell. Throws a `RequestError` where there are too many.
   */
  async admit(response: ServerResponse, answer: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.checkOpen();
    if (this.#under.size >= this.#most) {
      throw overloaded(429, `The server answers ${this.#most} requests at once.`, 1);
    }
    const own = new AbortController();
    // A long request listens once for each of its parts.
    setMaxListeners(0, own.signal);
    const leave = () => own.abort(new Error('The client has left.'));
    const late = () => own.abort(overloaded(503, `No answer within ${this.#timeout / 1000} s.`, 10));
    const timer = setTimeout(late, this.#timeout);
    response.once('close', leave);
    if (response.destroyed) leave();
    this.#under.add(own);
    try {
      await answer(own.signal);
    } finally {
      clearTimeout(timer);
      response.off('close', leave);
      this.#under.delete(own);
      if (this.#under.size === 0) this.#whenEmpty?.();
    }
  }

  /** Lets nobody in any more, and ends what is under way after so many milliseconds. */
  async close(patience: number): Promise<void> {
    this.#isClosing = true;
    if (this.#under.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
      timer = setTimeout(resolve, patience);
    });
    clearTimeout(timer);
    const stopping = overloaded(503, 'The server is stopping.', 10);
    for (const own of this.#under) own.abort(stopping);
  }
}
