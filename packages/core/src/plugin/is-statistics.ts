import type { Statistic } from '../evidence/statistic.js';

/** In words what `isStatistics` asks for. */
export const wantedStatistics = 'a list of statistics, each with name, version, pass and collect()';

export const isStatistics = (value: unknown): value is readonly Statistic[] =>
  Array.isArray(value) && value.every(isStatistic);

function isStatistic(value: unknown): boolean {
  const one = value as Readonly<Record<string, unknown>> | null;
  if (typeof one !== 'object' || one === null) return false;
  const { name, version, pass, maxima, collect } = one;
  const passes = ['forward', 'all-experts', 'backward'];
  return (
    typeof name === 'string' &&
    typeof version === 'number' &&
    passes.includes(pass as string) &&
    (maxima === undefined ||
      (Array.isArray(maxima) && maxima.every((output) => typeof output === 'string'))) &&
    typeof collect === 'function'
  );
}
