import { overloaded } from './request-error.js';

/** Requests that may wait for the one engine. */
const maxWaiting = 1024;
/** Tokens of requests answered together; the engine keeps a hidden state of each. */
const maxTokens = 2 ** 16;

/** A sequence that the engine is asked about. */
interface Sequence {
  readonly length: number;
}

/** Answers items of one kind, in their order. */
type Run<Item, Answer> = (items: readonly Item[], signal: AbortSignal) => Promise<readonly Answer[]>;

interface Request {
  readonly kind: string;
  readonly items: readonly unknown[];
  readonly tokens: number;
  readonly run: Run<unknown, unknown>;
  readonly signal: AbortSignal;
  resolve(answers: readonly unknown[]): void;
  reject(error: unknown): void;
}

/**
 * Requests to an engine that does one thing at a time. While it works others come; those of one kind are then
 * answered together, the kind that waits longest first.
 */
export class Batches {
  #waiting: Request[] = [];
  #working: Promise<void> | null = null;

  /**
   * The answers to `items`. Requests of one `kind` may be answered by the `run` of any of them, so what `run`
   * does with an item must depend on the kind alone. Once `signal` has fired nobody wants the answers. Throws a
   * `RequestError` if the line is long.
   */
  ask<Item extends Sequence, Answer>(
    kind: string,
    items: readonly Item[],
    run: Run<Item, Answer>,
    signal: AbortSignal,
  ): Promise<readonly Answer[]> {
    if (this.#waiting.length >= maxWaiting) {
      throw overloaded(503, 'Too many requests are waiting.', 5);
    }
    const tokens = items.reduce((sum, { length }) => sum + length, 0);
    return new Promise<readonly unknown[]>((resolve, reject) => {
      this.#waiting.push({ kind, items, tokens, run: run as Run<unknown, unknown>, signal, resolve, reject });
      this.#working ??= this.#work();
    }) as Promise<readonly Answer[]>;
  }

  /** Requests that wait; what is under way does not. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** When everything is answered. */
  async drain(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    // Requests that came in one go are all there a moment later.
    await Promise.resolve();
    while (this.#waiting.length > 0) await answer(this.#next());
    this.#working = null;
  }

  /** The first request and what else of its kind has room beside it. */
  #next(): Request[] {
    const [first] = this.#waiting;
    let tokens = 0;
    const batch = this.#waiting.filter((request) => {
      if (request.kind !== first!.kind) return false;
      const fits = request === first || tokens + request.tokens <= maxTokens;
      if (fits) tokens += request.tokens;
      return fits;
    });
    this.#waiting = this.#waiting.filter((request) => !batch.includes(request));
    return batch;
  }
}

async function answer(batch: readonly Request[]): Promise<void> {
  const wanted = batch.filter(({ signal }) => !signal.aborted);
  for (const request of batch) if (request.signal.aborted) request.reject(request.signal.reason);
  if (wanted.length === 0) return;
  const unwanted = whenAllHave(wanted.map(({ signal }) => signal));
  try {
    const answers = await wanted[0]!.run(
      wanted.flatMap(({ items }) => items),
      unwanted.signal,
    );
    let start = 0;
    for (const { items, resolve } of wanted) {
      resolve(answers.slice(start, start + items.length));
      start += items.length;
    }
  } catch (error) {
    // One that cannot be answered must not keep others from their answers.
    if (wanted.length > 1) for (const request of wanted) await answer([request]);
    else wanted[0]!.reject(error);
  } finally {
    unwanted.forget();
  }
}

/** Fires when the last of the signals does, until it is told to forget them. */
function whenAllHave(signals: readonly AbortSignal[]): { readonly signal: AbortSignal; forget(): void } {
  const all = new AbortController();
  const distinct = new Set(signals);
  const check = () => {
    if (signals.every(({ aborted }) => aborted)) all.abort();
  };
  for (const signal of distinct) signal.addEventListener('abort', check, { once: true });
  return {
    signal: all.signal,
    forget() {
      for (const signal of distinct) signal.removeEventListener('abort', check);
    },
  };
}
