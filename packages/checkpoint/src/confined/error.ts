import type { Patience } from './patience.js';

/** Why a confined thread gave no answer. */
export type ConfinedReason = 'time' | 'memory' | 'failed' | 'closed';

/** A question that a confined thread did not answer; the message is a clause, for a sentence that says what it was. */
export class ConfinedError extends Error {
  readonly reason: ConfinedReason;

  constructor(reason: ConfinedReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }

  static late({ milliseconds }: Patience): ConfinedError {
    return new ConfinedError('time', `it took longer than ${milliseconds / 1000} s`);
  }

  /** For a thread that works no more, to one that waits and does not hear why. */
  static deserted(): ConfinedError {
    return new ConfinedError('memory', 'it ended without an answer, or took more memory than it may');
  }

  /** For a thread that ended by itself. */
  static ended(cause: unknown): ConfinedError {
    const { code, message } = cause as NodeJS.ErrnoException;
    return code === 'ERR_WORKER_OUT_OF_MEMORY'
      ? new ConfinedError('memory', 'it took more memory than it may', { cause })
      : new ConfinedError('failed', message, { cause });
  }
}
