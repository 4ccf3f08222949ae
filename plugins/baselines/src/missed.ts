import { warnOfMissedRatio } from '@moepress/core';

/** The warnings of a plan that removes a share other than asked for: one or none, see `warnOfMissedRatio`. */
export function missedWarnings(...asked: Parameters<typeof warnOfMissedRatio>): string[] {
  const missed = warnOfMissedRatio(...asked);
  return missed === undefined ? [] : [missed];
}
