import { type AttentionTaps, type Block, hasAttention, type Statistic, type Value } from '@moepress/core';
import { type GraphBuilder, gather } from '@moepress/graph';
import type { BlockTaps } from './taps.js';

/** Output name of a statistic's sum; no other output has a slash. */
export const statisticOutput = (statistic: Statistic, output: string): string =>
  `${statistic.name}/${output}`;
export const isStatisticOutput = (output: string): boolean => output.includes('/');

/** Whether a block has the values that statistics of some kind read. */
export function isMeasured(block: Block, target: Statistic['target']): boolean {
  const { ffn } = block;
  if (target === 'attention') return hasAttention(block);
  return target === 'mlps' ? ffn.kind === 'dense' || ffn.shared !== null : ffn.kind === 'moe';
}

/** Appends the fragments of statistics and makes their sums outputs of the graph. */
export function outputStatistics(
  graph: GraphBuilder,
  statistics: readonly Statistic[],
  taps: Partial<BlockTaps>,
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
  { layer, mlp, attention }: Partial<BlockTaps>,
): Readonly<Record<string, Value>> {
  if (statistic.target === 'attention') return attention ? statistic.collect(graph, attention) : {};
  if (statistic.target === 'mlps') return mlp ? statistic.collect(graph, mlp) : {};
  return layer ? statistic.collect(graph, layer) : {};
}

/** The numbers of the rows that statistics count, int32 [M]; null: all. */
export type CountedRows = () => Value | null;

/** An input of the graph, from where it is first asked for. */
export function countedRows(
  graph: GraphBuilder,
  {
    statistics = [],
    counted = false,
  }: { readonly statistics?: readonly Statistic[]; readonly counted?: boolean },
): CountedRows {
  let rows: Value | null = null;
  return () => {
    if (counted && statistics.length > 0) rows ??= graph.input('counted', 'int32', ['M']);
    return rows;
  };
}

/** Appends the fragments of statistics of attention. */
export function measureAttention(
  graph: GraphBuilder,
  taps: AttentionTaps,
  { statistics = [] }: { readonly statistics?: readonly Statistic[] },
  counted: CountedRows,
): void {
  const own = statistics.filter(({ target }) => target === 'attention');
  if (own.length === 0) return;
  const rows = counted();
  const of = (value: Value) => (rows ? gather(value, rows) : value);
  outputStatistics(graph, own, { attention: { ...taps, input: of(taps.input), heads: of(taps.heads) } });
}
