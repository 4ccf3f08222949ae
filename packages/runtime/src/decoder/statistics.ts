import type { LayerTaps, Statistic } from '@moepress/core';
import type { GraphBuilder } from '@moepress/graph';

/** Output name of a statistic's sum; no other output has a slash. */
export const statisticOutput = (statistic: Statistic, output: string): string =>
  `${statistic.name}/${output}`;
export const isStatisticOutput = (output: string): boolean => output.includes('/');

/** Appends the fragments of statistics and makes their sums outputs of the graph. */
export function outputStatistics(
  graph: GraphBuilder,
  statistics: readonly Statistic[],
  taps: LayerTaps,
): void {
  for (const statistic of statistics) {
    const sums = graph.scoped(statistic.name, () => statistic.collect(graph, taps));
    for (const [name, value] of Object.entries(sums)) graph.output(statisticOutput(statistic, name), value);
  }
}
