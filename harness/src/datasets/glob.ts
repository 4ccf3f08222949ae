/**
 * Whether a path matches a pattern as `fsspec` has it, which the `datasets` library resolves data files with: `*` and
 * `?` stand for characters other than a slash, `**` as a whole part for any number of folders, at the end for all that is
 * below; `[0-9]` for one of some characters and `[!0-9]` for any other. Takes time in proportion to both lengths, since
 * patterns come from strangers.
 */
export function matchesGlob(pattern: string, path: string): boolean {
  const parts = pattern.split('/').filter((part, i, all) => part !== '**' || all[i - 1] !== '**');
  const names = path.split('/');
  // reached[i]: whether the parts so far match the first i names.
  let reached = Array.from({ length: names.length + 1 }, (_, i) => i === 0);
  for (const [p, part] of parts.entries()) {
    const isLast = p === parts.length - 1;
    const next = reached.map(() => false);
    for (let i = 0; i < reached.length; i++) {
      if (part === '**')
        next[i] = (isLast ? false : reached[i]!) || (i > 0 && (next[i - 1]! || reached[i - 1]!));
      else if (i > 0) next[i] = reached[i - 1]! && matchesPart(part, names[i - 1]!);
    }
    reached = next;
  }
  return reached.at(-1)!;
}

/** Whether a pattern can match more than one path. */
export const hasMagic = (pattern: string): boolean => /[*?[]/.test(pattern);

type Matcher = (character: string) => boolean;

/** The allowed values of each character; null for any number of any characters. */
function matchersOf(part: string): (Matcher | null)[] {
  const matchers: (Matcher | null)[] = [];
  for (let rest = part; rest !== ''; ) {
    const [set, isNegated = '', members = ''] = /^\[(!?)(\]?[^\]]*)\]/su.exec(rest) ?? [];
    const token = set ?? String.fromCodePoint(rest.codePointAt(0)!);
    if (set !== undefined) {
      const isMember = memberOf(members);
      matchers.push((character) => isMember(character) !== (isNegated !== ''));
    } else if (token === '*') matchers.push(null);
    else matchers.push(token === '?' ? () => true : (character) => character === token);
    rest = rest.slice(token.length);
  }
  return matchers;
}

/** `0-9a_`: ranges and characters. */
function memberOf(members: string): Matcher {
  const characters = [...members];
  const ranges: [string, string][] = [];
  for (let i = 0; i < characters.length; i++) {
    const isRange = characters[i + 1] === '-' && characters[i + 2] !== undefined;
    ranges.push([characters[i]!, characters[isRange ? i + 2 : i]!]);
    if (isRange) i += 2;
  }
  return (character) => ranges.some(([from, to]) => from <= character && character <= to);
}

/** Backtracks to the last star only: a later star can take whatever an earlier one could. */
function matchesPart(part: string, name: string): boolean {
  const matchers = matchersOf(part);
  const characters = [...name];
  let [m, c, star, taken] = [0, 0, -1, 0];
  while (c < characters.length) {
    const matcher = matchers[m];
    if (matcher === null) [star, taken, m] = [m, c, m + 1];
    else if (matcher?.(characters[c]!)) [m, c] = [m + 1, c + 1];
    else if (star >= 0) [m, c, taken] = [star + 1, taken + 1, taken + 1];
    else return false;
  }
  return matchers.slice(m).every((matcher) => matcher === null);
}
