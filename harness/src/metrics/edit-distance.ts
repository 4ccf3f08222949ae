/** Cells on either side of the diagonal that are computed. */
const beam = 25;

/** A step of rewriting: a word kept, replaced, put in, left out. */
type Step = 'keep' | 'replace' | 'insert' | 'delete';

export interface Rewriting {
  readonly edits: number;
  /** Steps from the given words to the reference. */
  readonly trace: readonly Step[];
}

/**
 * Levenshtein's distance to a reference, near the diagonal only, with the steps that Tercom prefers: of equally short
 * ways a word kept or replaced, then one left out, then one put in.
 */
export class EditDistance {
  readonly #gold: readonly string[];
  readonly #known = new Map<string, Rewriting>();

  constructor(gold: readonly string[]) {
    this.#gold = gold;
  }

  to(words: readonly string[]): Rewriting {
    const key = words.join(' ');
    const known = this.#known.get(key);
    if (known) return known;
    const computed = rewriting(words, this.#gold);
    this.#known.set(key, computed);
    return computed;
  }
}

function rewriting(words: readonly string[], gold: readonly string[]): Rewriting {
  const columns = gold.length + 1;
  const costs = new Float64Array((words.length + 1) * columns).fill(Number.POSITIVE_INFINITY);
  const steps = new Array<Step>(costs.length);
  for (let j = 0; j < columns; j++) {
    costs[j] = j;
    steps[j] = 'insert';
  }
  const ratio = words.length > 0 ? gold.length / words.length : 1;
  // Of very different lengths, rows side by side must still meet.
  const width = beam < ratio / 2 ? Math.ceil(ratio / 2 + beam) : beam;
  for (let i = 1; i <= words.length; i++) {
    const diagonal = Math.floor(i * ratio);
    const end = i === words.length ? columns : Math.min(columns, diagonal + width);
    for (let j = Math.max(0, diagonal - width); j < end; j++) {
      const at = i * columns + j;
      const offer = (cost: number, step: Step) => {
        if (cost >= costs[at]!) return;
        costs[at] = cost;
        steps[at] = step;
      };
      if (j > 0) {
        const isSame = words[i - 1] === gold[j - 1];
        offer(costs[at - columns - 1]! + (isSame ? 0 : 1), isSame ? 'keep' : 'replace');
      }
      offer(costs[at - columns]! + 1, 'delete');
      if (j > 0) offer(costs[at - 1]! + 1, 'insert');
    }
  }
  const trace: Step[] = [];
  for (let [i, j] = [words.length, gold.length]; i > 0 || j > 0; ) {
    const step = steps[i * columns + j]!;
    trace.push(step);
    if (step !== 'insert') i--;
    if (step !== 'delete') j--;
  }
  return { edits: costs.at(-1)!, trace: trace.reverse() };
}

/** Which given word each word of the reference is aligned to, and which words of either have errors. */
export function inverted(trace: readonly Step[]): {
  readonly aligned: readonly (number | undefined)[];
  readonly wrongGold: readonly boolean[];
  readonly wrongGiven: readonly boolean[];
} {
  const aligned: number[] = [];
  const wrongGold: boolean[] = [];
  const wrongGiven: boolean[] = [];
  for (const step of trace) {
    const isWrong = step !== 'keep';
    if (step !== 'insert') wrongGiven.push(isWrong);
    if (step === 'delete') continue;
    wrongGold.push(isWrong);
    aligned.push(wrongGiven.length - 1);
  }
  return { aligned, wrongGold, wrongGiven };
}
