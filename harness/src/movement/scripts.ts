/** Scripts by the letters that only they have; those that one language writes together count as one. */
const scripts: readonly (readonly [name: string, letters: RegExp])[] = [
  ['Latin', /\p{Script=Latin}/gu],
  ['Cyrillic', /\p{Script=Cyrillic}/gu],
  ['Greek', /\p{Script=Greek}/gu],
  ['Arabic', /\p{Script=Arabic}/gu],
  ['Hebrew', /\p{Script=Hebrew}/gu],
  ['Devanagari', /\p{Script=Devanagari}/gu],
  ['Bengali', /\p{Script=Bengali}/gu],
  ['Tamil', /\p{Script=Tamil}/gu],
  ['Telugu', /\p{Script=Telugu}/gu],
  ['Thai', /\p{Script=Thai}/gu],
  ['Georgian', /\p{Script=Georgian}/gu],
  ['Armenian', /\p{Script=Armenian}/gu],
  ['Ethiopic', /\p{Script=Ethiopic}/gu],
  ['Khmer', /\p{Script=Khmer}/gu],
  ['Myanmar', /\p{Script=Myanmar}/gu],
  ['Hangul', /\p{Script=Hangul}/gu],
  ['Han', /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}]/gu],
];

/** Letters that an answer needs at least to be in any script: a formula or the letter of a choice is in none. */
const fewest = 10;

/** Characters of a question's end that are looked at: instructions and examples stand before it. */
const lastCharacters = 2000;

/** The script that most letters of a text are in, and how many they are; null for a text without letters. */
function mainScript(text: string): { readonly name: string; readonly letters: number } | null {
  let main: { readonly name: string; readonly letters: number } | null = null;
  for (const [name, letters] of scripts) {
    const count = text.match(letters)?.length ?? 0;
    if (count > (main?.letters ?? 0)) main = { name, letters: count };
  }
  return main;
}

/**
 * Whether most letters of an answer are in another script than most of its question: Latin, Cyrillic, Han with kana,
 * Hangul, Arabic and so on. Answers with fewer than ten letters are in none.
 */
export function isInAnotherScript(question: string, answer: string): boolean {
  const own = mainScript(answer);
  if (own === null || own.letters < fewest) return false;
  const asked = mainScript(question.slice(-lastCharacters));
  return asked !== null && asked.name !== own.name;
}
