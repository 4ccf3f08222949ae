/**
 * How an engine takes an exported model. `exactly`: as the view computes. `padded`: as well, with zeros stored in place of
 * what is gone. `nearly`: it computes something a little different. `remote code`:
 * with code that comes with the files or a plugin. `not`: it does not load it.
 */
export type Loading = 'exactly' | 'padded' | 'nearly' | 'remote code' | 'not';

/** What one engine makes of an exported model. */
export interface EngineSupport {
  readonly engine: string;
  readonly loads: Loading;
  /** A sentence, where there is more to say; else null. */
  readonly reason: string | null;
}

/** Whether any of the engines loads it. */
export const isLoaded = (support: readonly EngineSupport[]): boolean =>
  support.some(({ loads }) => loads !== 'not');
