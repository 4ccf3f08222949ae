/** Deviations below this share of what was asked for are not worth a word. */
const tolerance = 0.05;

/**
 * Warns where a method had to remove another share than it was asked to, since only whole pieces go: `removed` and
 * `ratio` are shares of `what`, `why` says what goes as a whole. Undefined within a twentieth of the ratio.
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
