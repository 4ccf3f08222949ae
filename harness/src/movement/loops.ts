/** Characters that have to be repetition at least. */
const shortest = 40;

/** How often a unit has to stand there at least. */
const times = 4;

/** Characters of the longest unit that is looked for: some paragraphs. */
const longestUnit = 2000;

/**
 * Whether a generated text has got into a loop: it ends in one unit of any length, repeated without anything between,
 * at least four times and over at least 40 characters (code points). Whoever writes in a loop does so to the end, so that
 * what is repeated before is not looked at: a table or a list is none.
 */
export function endsInLoop(text: string): boolean {
  const characters = [...text.slice(-4 * times * longestUnit)];
  const end = characters.length;
  for (let unit = 1; unit <= Math.min(longestUnit, Math.floor(end / times)); unit++) {
    const length = Math.max(shortest, times * unit);
    if (length > end) return false;
    if (isPeriodic(characters, end - length, unit)) return true;
  }
  return false;
}

/** Whether every character from `start` on is the same as that `unit` after it. */
function isPeriodic(characters: readonly string[], start: number, unit: number): boolean {
  for (let i = characters.length - 1; i >= start + unit; i--) {
    if (characters[i] !== characters[i - unit]) return false;
  }
  return true;
}
