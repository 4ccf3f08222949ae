import { gigabytes } from '../flops.js';
import type { Ran } from './child.js';
import type { Agreement } from './compare.js';
import type { PeerRan } from './lm-eval-peer.js';
import type { Table } from './report.js';
import type { TableRow } from './table-rows.js';

/** A row with both sides; the peer's is null where no Python is named. */
export interface Compared {
  readonly row: TableRow;
  readonly ours: Omit<Ran, 'stdout'>;
  /** Seconds in which requests were answered. */
  readonly answering: number;
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly peer: (Omit<PeerRan, 'ran'> & { readonly ran: Omit<Ran, 'stdout'> }) | null;
  readonly agreement: Agreement | null;
  /** Seconds with torch in 32-bit floats, on fewer documents. */
  readonly exact: Agreement | null;
  readonly load: number;
}

const seconds = (value: number) => value.toFixed(1);
const times = (value: number) => `${value.toFixed(2)} x`;

/** Both sides, row by row, and which of ours take more anonymous memory than `bound` bytes. Without a peer its columns are left out. */
export function comparisonTable(title: string, compared: readonly Compared[], bound: number): Table {
  const peers = compared.some(({ peer }) => peer !== null);
  const beyond = compared.filter(({ ours }) => ours.anonymous > bound).map(({ row }) => row.name);
  return {
    title,
    columns: [
      ...['`moepress eval`', 'seconds', 'answering', 'of processors', 'anonymous'],
      ...(peers ? ['lm_eval: seconds', 'answering', 'of processors', 'anonymous'] : []),
      ...(peers ? ['times as fast', 'answering', 'by processors'] : []),
      ...(peers ? ['requests', 'largest difference', 'mean', 'greedy differs', 'metric', 'theirs'] : []),
      'load before',
    ],
    rows: compared.map((row) => [...ourCells(row), ...(row.peer ? peerCells(row) : []), row.load.toFixed(1)]),
    notes: [
      `More than ${gigabytes(bound)} of anonymous memory: ${beyond.join(', ') || 'none'}.`,
      'Seconds from the start of the process to its end; answering: those in which requests were answered; of processors: user and system time of all cores. On a machine that others use as well, the last tells more.',
      ...(peers
        ? [
            'Differences of log-likelihoods against lm_eval with transformers in bf16, whose sums are bf16, too: a few units where texts are long are its rounding.',
          ]
        : []),
    ],
  };
}

const ourCells = ({ row, ours, answering }: Compared) => [
  row.name,
  seconds(ours.seconds),
  seconds(answering),
  seconds(ours.cpu),
  gigabytes(ours.anonymous),
];

function peerCells({ ours, answering, metrics, peer, agreement }: Compared): string[] {
  const { ran, told } = peer!;
  const { requests, largest, mean, greedy } = agreement!;
  return [
    ...[seconds(ran.seconds), seconds(told.answer), seconds(ran.cpu), gigabytes(ran.anonymous)],
    ...[times(ran.seconds / ours.seconds), times(told.answer / answering), times(ran.cpu / ours.cpu)],
    ...[String(requests), largest.toFixed(3), mean.toFixed(4), String(greedy)],
    ...[metric(metrics), metric(told.metrics)],
  ];
}

/** The first of a task's metrics. */
function metric(metrics: Readonly<Record<string, unknown>>): string {
  const [name, value] = Object.entries(metrics).find(
    ([key]) => key.includes(',') && !key.includes('stderr'),
  ) ?? ['', NaN];
  return `${name.split(',')[0]} ${Number(value).toPrecision(4)}`;
}

/** Ours against torch in 32-bit floats: what must be equal up to the order of sums. */
export function exactTable(compared: readonly Compared[]): Table {
  return {
    title: 'Log-likelihoods against transformers in 32-bit floats',
    columns: ['row', 'requests', 'largest difference', 'mean', 'greedy differs'],
    rows: compared.flatMap(({ row, exact }) =>
      exact === null
        ? []
        : [
            [
              row.name,
              String(exact.requests),
              exact.largest.toExponential(1),
              exact.mean.toExponential(1),
              String(exact.greedy),
            ],
          ],
    ),
  };
}
