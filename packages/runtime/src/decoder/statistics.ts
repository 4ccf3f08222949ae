import {
  type AttentionTaps,
  type Block,
  hasAttention,
  MoepressError,
  type Statistic,
  shown,
  type Value,
} from '@moepress/core';
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
    const sums = graph.scoped(statistic.name, () => sumsOf(statistic, graph, taps));
    for (const [name, value] of Object.entries(sums)) graph.output(statisticOutput(statistic, name), value);
  }
}

/** A statistic may be a plugin's: what fails in it, and what it gives that is no value of the graph, is blamed on it. */
function sumsOf(
  statistic: Statistic,
  graph: GraphBuilder,
  taps: Partial<BlockTaps>,
): Readonly<Record<string, Value>> {
  const { name } = statistic;
  let sums: Readonly<Record<string, Value>>;
  try {
    sums = collect(statistic, graph, taps);
  } catch (cause) {
    if (MoepressError.isInstance(cause)) throw cause;
    throw invalid(name, cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (typeof sums !== 'object' || sums === null) {
    throw invalid(name, `collect() gave ${shown(sums)}: an object of sums was wanted.`);
  }
  for (const [output, value] of Object.entries(sums)) {
    if (isValue(value)) continue;
    throw invalid(name, `collect() gave ${output} as ${shown(value)}: a value of the graph was wanted.`);
  }
  return sums;
}

function isValue(value: unknown): value is Value {
  const { name, shape } = (value ?? {}) as Partial<Value>;
  return typeof name === 'string' && Array.isArray(shape);
}

function invalid(name: string, problem: string, cause?: unknown): MoepressError {
  return new MoepressError('PLUGIN_INVALID', {
    message: `The statistic "${name}" failed: ${problem}`,
    where: `statistic ${name}`,
    hint: 'Report this to the author of the plugin that has it.',
    cause,
  });
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
