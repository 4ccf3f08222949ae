import { RequestError } from './errors.js';

/** Requests that may wait for the one engine. */
const maxWaiting = 1024;

/** Runs jobs one after the other. */
export class JobQueue {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** The result of `job`, which is not started once `signal` has fired. Throws a `RequestError` if the line is long. */
  run<Result>(job: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    if (this.#waiting >= maxWaiting) throw new RequestError(503, 'Too many requests are waiting.');
    this.#waiting++;
    const result = this.#last.then(() => {
      signal.throwIfAborted();
      return job();
    });
    this.#last = result.then(
      () => this.#waiting--,
      () => this.#waiting--,
    );
    return result;
  }

  /** When all jobs are done. */
  async drain(): Promise<void> {
    await this.#last;
  }
}
