/** Standard normal quantile of a two-sided level of 0.05. */
const z = 1.959963984540054;

/** Halvings of an interval: its ends are exact to 2^-50. */
const halvings = 50;

/**
 * The 95 % interval of a difference of paired proportions by inverting the score test (Tango, Statistics in Medicine 17,
 * 1998, equations 5 to 9): of `n` items `onlyFirst` were right for the first model alone and `onlySecond` for the
 * second alone; the difference is the second's share of right items minus the first's. Where few items tell the models
 * apart it covers what it promises, which intervals of resampled means do not.
 */
export function scoreInterval(
  n: number,
  onlyFirst: number,
  onlySecond: number,
): { readonly low: number; readonly high: number } {
  const observed = (onlySecond - onlyFirst) / n;
  // The statistic falls as the supposed difference grows.
  const solve = (begin: number, end: number, level: number) => {
    let [low, high] = [begin, end];
    for (let i = 0; i < halvings; i++) {
      const middle = (low + high) / 2;
      if (statistic(middle, { n, onlyFirst, onlySecond }) > level) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  };
  return { low: solve(-1, observed, z), high: solve(observed, 1, -z) };
}

/** Standard normal if the true difference is `supposed`. */
function statistic(
  supposed: number,
  { n, onlyFirst, onlySecond }: { n: number; onlyFirst: number; onlySecond: number },
): number {
  const excess = onlySecond - onlyFirst - n * supposed;
  // The likeliest probability of `onlyFirst` under that difference: a root of 2 n q^2 + b q + c.
  const b = -onlySecond - onlyFirst + (2 * n - onlySecond + onlyFirst) * supposed;
  const c = -onlyFirst * supposed * (1 - supposed);
  const likeliest = (Math.sqrt(Math.max(0, b * b - 8 * n * c)) - b) / (4 * n);
  const variance = n * (2 * likeliest + supposed * (1 - supposed));
  if (variance <= 0) return excess === 0 ? 0 : Math.sign(excess) * Number.POSITIVE_INFINITY;
  return excess / Math.sqrt(variance);
}
