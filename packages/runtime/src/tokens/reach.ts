import type { Block } from '@moepress/core';

/** How far back a token sees, itself included. */
export interface Reach {
  /** Tokens of the window, or of a chunk; null: all before it. */
  readonly window: number | null;
  /** The sequence is cut into chunks, and a token sees those before it in its own. */
  readonly chunked?: true;
}

export function reachOf(spec: Block['attention']): Reach {
  if (spec.kind !== 'gqa') return { window: null };
  return { window: spec.window, ...(spec.chunked && { chunked: true }) };
}

/** Equal for equal reaches. */
export const reachKey = ({ window, chunked }: Reach): string => `${chunked ? 'chunk' : 'window'} ${window}`;

/** The first position that a token at `position` sees. */
export function firstSeen(position: number, { window, chunked }: Reach): number {
  if (window === null) return 0;
  return chunked ? position - (position % window) : Math.max(0, position - window + 1);
}
