import { readFileSync } from 'node:fs';

/** The difference between the two sides' answers to the same questions. */
export interface Agreement {
  /** Log-likelihoods compared. */
  readonly requests: number;
  readonly largest: number;
  readonly mean: number;
  /** Greedy answers, or judgements whether an answer is the greedy one, that differ. */
  readonly greedy: number;
}

/** A line of a samples file, ours or the peer's: what each request of a document got. */
interface Sample {
  readonly doc_id: number;
  readonly resps: readonly (readonly unknown[])[];
}

/** Compares two files of samples, document by document. Throws if they are not of the same requests. */
export function compareSampleFiles(ours: string, theirs: string): Agreement {
  const [a, b] = [byDocument(ours), byDocument(theirs)];
  if (a.size !== b.size) throw new Error(`${ours} has ${a.size} documents and ${theirs} ${b.size}.`);
  const differences: number[] = [];
  let greedy = 0;
  for (const [id, mine] of a) {
    const other = b.get(id);
    if (other?.length !== mine.length) throw new Error(`Document ${id} has other requests in ${theirs}.`);
    for (const [i, answer] of mine.entries()) {
      const [x, y] = [answerOf(answer), answerOf(other[i])];
      if (x.score !== null && y.score !== null) differences.push(Math.abs(x.score - y.score));
      if (x.said !== y.said) greedy++;
    }
  }
  return {
    requests: differences.length,
    largest: differences.reduce((most, difference) => Math.max(most, difference), 0),
    mean: differences.reduce((sum, difference) => sum + difference, 0) / Math.max(1, differences.length),
    greedy,
  };
}

/**
 * The answers to the requests of a document. With several filters a document occurs several times, with the same
 * answers.
 */
function byDocument(file: string): Map<number, readonly unknown[]> {
  const samples = readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Sample);
  return new Map(samples.map(({ doc_id, resps }) => [doc_id, resps.map((resp) => resp[0])]));
}

/** `[log-likelihood, greedy]`, `[log-likelihood]` or a log-likelihood, as numbers or as text; else a text. */
function answerOf(answer: unknown): { readonly score: number | null; readonly said: string } {
  const [score, greedy = ''] = Array.isArray(answer) ? answer : [answer];
  const number = Number(score);
  if (Number.isNaN(number) || (typeof answer === 'string' && answer.trim() === '')) {
    return { score: null, said: String(answer) };
  }
  return { score: number, said: String(greedy).toLowerCase() };
}
