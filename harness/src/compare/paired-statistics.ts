import { createRng } from '@moepress/core';
import { mean } from '../metrics/statistics.js';

export interface BootstrapOptions {
  readonly seed: number;
  readonly resamples: number;
}

export interface BootstrapInterval {
  /** The middle 95 % of the resampled means. */
  readonly low: number;
  readonly high: number;
  /** Two-sided: how rarely a resampled mean is on the other side of zero. */
  readonly p: number;
}

/**
 * Percentile bootstrap of a mean difference over items (Efron and Tibshirani, 1993, chapter 13): items are
 * drawn with replacement, each with both models' scores. `differences` holds one number an item, at least
 * one. Where few items tell the models apart it covers too little: see `scoreInterval`. p counts the result itself as a resample (Davison and Hinkley, 1997, section 4.2), so that it is
 * never zero.
 */
export function pairedBootstrap(
  differences: readonly number[],
  { seed, resamples }: BootstrapOptions,
): BootstrapInterval {
  const rng = createRng(seed);
  const n = differences.length;
  const resampled = () => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += differences[Math.floor(rng.next() * n)]!;
    return sum / n;
  };
  const means = Float64Array.from({ length: resamples }, resampled).sort();
  const beyond = means.filter((value) => (mean(differences) > 0 ? value <= 0 : value >= 0)).length;
  return {
    low: quantile(means, 0.025),
    high: quantile(means, 0.975),
    p: Math.min(1, (2 * (beyond + 1)) / (resamples + 1)),
  };
}

/** Linear between neighbours, as NumPy's default. */
function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (position - below) * (sorted[above]! - sorted[below]!);
}

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

/** Has a standard normal distribution if the true difference is `supposed`. */
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

/** P-values: the probability of a result at least as lopsided as this one if both models were equally good. */
export interface McNemar {
  /** The exact conditional test: its error rate never exceeds the level and is often well below. */
  readonly exact: number;
  /** Gives half the weight to the observed result: nearly always below the promised level, and more sensitive. */
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

/** Standard normal quantiles of a two-sided level of 0.05 and a power of 0.8. */
const zLevel = 1.959963984540054;
const zPower = 0.8416212335729143;

/**
 * The smallest difference in accuracy that McNemar's test at the 0.05 level finds in four of five such runs:
 * Connor's sample size for paired proportions (Biometrics 43, 1987), solved for the difference. `items`
 * were asked of both models, `disagreements` of them were right for one alone. Null where the models disagree
 * so seldom that not even disagreements all in one direction would do.
 */
export function detectableDifference(items: number, disagreements: number): number | null {
  const slack = items + zPower ** 2 - zLevel ** 2;
  if (slack < 0 || disagreements === 0) return null;
  const share = disagreements / items;
  const difference =
    (Math.sqrt(share) * (zLevel * Math.sqrt(items) + zPower * Math.sqrt(slack))) / (items + zPower ** 2);
  return difference <= share ? difference : null;
}
