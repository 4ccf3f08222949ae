/** Edit distance (insert, delete, replace, swap of neighbours). */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...new Array<number>(b.length).fill(0)]);
  for (let j = 0; j <= b.length; j++) rows[0]![j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const replace = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, replace);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      }
      rows[i]![j] = best;
    }
  }
  return rows[a.length]![b.length]!;
}

/**
 * The longest name that gets a suggestion: computing the distance takes as many steps as the product of the lengths.
 */
const maxLength = 64;

/** The candidate a user most likely meant, or undefined if none is close. */
export function suggest(given: string, candidates: Iterable<string>): string | undefined {
  if (given.length > maxLength) return undefined;
  const scored = [...candidates]
    .filter((name) => name.length <= 2 * maxLength)
    .map((name) => ({
      name,
      d: distance(given.toLowerCase(), name.toLowerCase()),
    }));
  const best = scored.sort((x, y) => x.d - y.d)[0];
  return best && best.d <= Math.max(1, Math.floor(given.length / 3)) ? best.name : undefined;
}
