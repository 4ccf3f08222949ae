import { channel } from 'node:diagnostics_channel';

/** A command that a worker of an engine has carried out. Times are those of `performance.now()`, in milliseconds. */
export interface EngineSpan {
  /** The worker's number among all of this process. */
  readonly worker: number;
  /** What the worker did: `open`, `run`, .. */
  readonly kind: string;
  /** The session or tensor it was about. */
  readonly what: string;
  readonly start: number;
  readonly end: number;
}

/** Carries an `EngineSpan` for each command, at no cost while nobody listens. */
export const engineSpans = channel('moepress:engine');
