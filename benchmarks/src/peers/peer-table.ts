import { gigabytes } from '../flops.js';
import type { Table } from '../real/report.js';
import { type Absent, median, type RowResult, type SideResult } from './row-result.js';

/** A table of the rows of a shape: a line for each peer of each row. */
export function peerTable(title: string, rows: readonly RowResult[]): Table {
  return {
    title,
    columns: [
      'row',
      'moepress',
      'peer',
      'its figure',
      'times its speed',
      'of the limit',
      'anonymous memory',
      "the peer's",
    ],
    rows: rows.flatMap((row) => linesOf(row)),
    notes: [
      'Figures are medians of the rounds, in parentheses the least and the most; times: the median of the rounds’ ratios, each of two neighbours in time, above 1 where moepress is faster.',
      ...missingOf(rows),
    ],
  };
}

function linesOf(row: RowResult): string[][] {
  const own = figures(row, row.ours);
  const limit =
    row.limit === null ? '' : median(row.ours.seconds.map((s) => row.amount / s / row.limit!)).toFixed(2);
  const memory = gigabytes(row.ours.anonymous);
  const present = row.peers.filter((peer) => 'seconds' in peer);
  if (present.length === 0) return [[row.row, own, '', '', '', limit, memory, '']];
  return present.map((peer, i) => [
    ...(i === 0 ? [row.row, own] : ['', '']),
    peer.settings ? `${peer.name}: ${peer.settings}` : peer.name,
    figures(row, peer),
    timesOf(row.ours, peer),
    ...(i === 0 ? [limit, memory] : ['', '']),
    gigabytes(peer.anonymous),
  ]);
}

/** The median of a side's rounds in the row's unit, or seconds, with the least and the most. */
function figures({ amount, unit }: RowResult, { seconds }: SideResult): string {
  const values = amount > 0 ? seconds.map((each) => amount / each) : seconds;
  const digits = median(values) < 100 ? 1 : 0;
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)].map((value) =>
    value.toFixed(digits),
  );
  return `${middle}${values.length > 1 ? ` (${least} to ${most})` : ''} ${amount > 0 ? unit : 's'}`;
}

/** How many times as fast as the peer, the median of the rounds. */
const timesOf = (ours: SideResult, peer: SideResult): string => {
  const ratios = ours.seconds.map((own, i) => peer.seconds[Math.min(i, peer.seconds.length - 1)]! / own);
  return median(ratios).toFixed(2);
};

/** Which rows want a peer, by peer and reason. */
function missingOf(rows: readonly RowResult[]): string[] {
  const reasons = new Map<string, string[]>();
  for (const { row, peers } of rows) {
    for (const peer of peers.filter((one): one is Absent => 'missing' in one)) {
      const reason = `${peer.name}: ${peer.missing.replace(/\.$/, '')}`;
      reasons.set(reason, [...(reasons.get(reason) ?? []), row]);
    }
  }
  return [...reasons].map(([reason, names]) => `Not beside ${reason} (${names.join(', ')}).`);
}
