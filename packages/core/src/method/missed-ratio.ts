/** Deviations below this share of the requested ratio are not reported. */
const tolerance = 0.05;

/**
 * A warning for a method that removed a different share than was requested, because it removes whole units: `removed`
 * and `ratio` are shares of `what`, and `why` names the unit. Undefined if the deviation is less than a twentieth of
 * the ratio.
 */
export function warnOfMissedRatio(
  ratio: number | undefined,
  removed: number,
  what: string,
  why: string,
): string | undefined {
  if (ratio === undefined || Math.abs(removed - ratio) <= tolerance * ratio) return undefined;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return `${percent(removed)} of ${what} go, where ${percent(ratio)} were asked for: ${why}.`;
}
