import type { Block, Statistic, Value } from '@moepress/core';
import type { GraphBuilder } from '@moepress/graph';
import type { BlockTaps } from './taps.js';

/** Output name of a statistic's sum; no other output has a slash. */
export const statisticOutput = (statistic: Statistic, output: string): string =>
  `${statistic.name}/${output}`;
export const isStatisticOutput = (output: string): boolean => output.includes('/');

/** Whether a block has the values that statistics of some kind read. */
export function isMeasured({ ffn }: Block, target: Statistic['target']): boolean {
  return target === 'mlps' ? ffn.kind === 'dense' || ffn.shared !== null : ffn.kind === 'moe';
}

/** Appends the fragments of statistics and makes their sums outputs of the graph. */
export function outputStatistics(
  graph: GraphBuilder,
  statistics: readonly Statistic[],
  taps: BlockTaps,
): void {
  for (const statistic of statistics) {
    const sums = graph.scoped(statistic.name, () => collect(statistic, graph, taps));
    for (const [name, value] of Object.entries(sums)) graph.output(statisticOutput(statistic, name), value);
  }
}

/** Returns nothing for a block without the values that the statistic reads. */
function collect(
  statistic: Statistic,
  graph: GraphBuilder,
  { layer, mlp }: BlockTaps,
): Readonly<Record<string, Value>> {
  if (statistic.target === 'mlps') return mlp ? statistic.collect(graph, mlp) : {};
  return layer ? statistic.collect(graph, layer) : {};
}
