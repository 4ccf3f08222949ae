import { type ErrorCode, errorCatalogue } from './catalogue.js';
import { presentable } from './shown.js';

/** The largest length of a hint in characters; a hint may list names. */
const maxAdvice = 8000;

/** Found on every MoepressError, so that copies of this package recognise each other's errors. */
const marker = Symbol.for('moepress.error');

export interface ErrorDetails {
  /** What is wrong, in one sentence, with the offending value. */
  readonly message: string;
  /**
   * What the error is about: a file, tensor or URL, or an option by its path, such as `tasks[1]` or `options.ratio`.
   */
  readonly where?: string | undefined;
  /** How to fix it, with options between backquotes; the catalogue's general advice if absent. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * An error the user can do something about: what was wrong, where, and how to fix it. Long texts are shortened, and
 * credentials are removed from every text.
 */
export class MoepressError extends Error {
  override readonly name = 'MoepressError';
  readonly code: ErrorCode;
  readonly where: string | undefined;
  readonly hint: string;

  constructor(code: ErrorCode, details: ErrorDetails) {
    // What is wrong may be that `where` is no text.
    const { where } = details;
    super(presentable(details.message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.where = where === undefined ? undefined : presentable(String(where));
    this.hint = details.hint === undefined ? errorCatalogue[code] : presentable(details.hint, maxAdvice);
    Object.defineProperty(this, marker, { value: true });
  }

  /** `instanceof` that also holds across duplicate installations of @moepress/core. */
  static isInstance(value: unknown): value is MoepressError {
    return typeof value === 'object' && value !== null && marker in value;
  }

  toJSON() {
    return { code: this.code, message: this.message, where: this.where ?? null, hint: this.hint };
  }
}

/** Throws `ABORTED` if the signal has fired; call it between units of work. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new MoepressError('ABORTED', { message: 'Stopped before the work was done.' });
}
