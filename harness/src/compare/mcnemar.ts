/** Probabilities of a result as lopsided as this one, or more, if both models were equally good. */
export interface McNemar {
  /** The exact conditional test: never too bold, often too shy. */
  readonly exact: number;
  /** Half the weight for the result itself: nearly always below the promised level, and sees more. */
  readonly midP: number;
}

/**
 * McNemar's test of two models on the same items, of which `onlyA` were right for one alone and `onlyB` for
 * the other alone. Two-sided; mid-p as Fagerland, Lydersen and Laake (2013) recommend.
 */
export function mcnemar(onlyA: number, onlyB: number): McNemar {
  const n = onlyA + onlyB;
  const fewer = Math.min(onlyA, onlyB);
  const itself = Math.exp(logProbability(fewer, n));
  const lower = tail(fewer, n);
  return { exact: Math.min(1, 2 * lower), midP: Math.min(1, 2 * lower - itself) };
}

/** log P(X = k) for X ~ Binomial(n, 1/2). */
function logProbability(k: number, n: number): number {
  let log = -n * Math.LN2;
  for (let i = 0; i < k; i++) log += Math.log((n - i) / (i + 1));
  return log;
}

/** P(X <= k), from the largest term down: each is `i / (n - i + 1)` of the one above. */
function tail(k: number, n: number): number {
  let term = 1;
  let sum = 1;
  for (let i = k; i > 0; i--) {
    term *= i / (n - i + 1);
    sum += term;
  }
  return Math.exp(logProbability(k, n)) * sum;
}
