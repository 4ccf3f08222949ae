import type { ShortForm } from './peers-options.js';
import type { Question } from './side.js';

/** A row whose sides are asked in turns, each in a process that stays open. */
export interface MeasuredRow {
  readonly name: string;
  readonly work: Question['work'];
  readonly sequences: number;
  /** Tokens of each sequence, and new ones. */
  readonly length: number;
  readonly tokens: number;
  /** What its speed is told in. */
  readonly unit: string;
}

const prefill = (sequences: number): MeasuredRow => ({
  ...{ name: `prefill-${sequences}`, work: 'prefill', sequences },
  ...{ length: 2048, tokens: 0, unit: 'tokens/s' },
});

const decode = (sequences: number, tokens: number): MeasuredRow => ({
  ...{ name: `decode-${sequences}`, work: 'decode', sequences, tokens },
  ...{ length: 8, unit: 'tokens/s' },
});

const pass = (work: 'calibrate' | 'backward' | 'forward'): MeasuredRow => ({
  ...{ name: work, work, sequences: 2 },
  ...{ length: 2048, tokens: 0, unit: 'tokens/s' },
});

/** `forward` is what `backward` is compared with, besides a peer. */
export const measuredRows: readonly MeasuredRow[] = [
  prefill(1),
  prefill(4),
  decode(1, 64),
  decode(8, 24),
  decode(32, 16),
  pass('calibrate'),
  pass('forward'),
  pass('backward'),
];

/** A row of other sizes, and what the results call it. */
export function shortened(
  row: MeasuredRow,
  { length, tokens }: ShortForm,
): { readonly row: MeasuredRow; readonly title: string } {
  const own = {
    ...row,
    ...(length !== null && row.work !== 'decode' && { length }),
    ...(tokens !== null && row.work === 'decode' && { tokens }),
  };
  const notes = [
    ...(own.length === row.length ? [] : [`${own.length} tokens each`]),
    ...(own.tokens === row.tokens ? [] : [`${own.tokens} new tokens`]),
  ];
  return { row: own, title: [row.name, ...notes].join(', ') };
}

/** Tokens that a row reads or makes. */
export const tokensOf = ({ sequences, length, tokens, work }: MeasuredRow): number =>
  sequences * (work === 'decode' ? tokens : length);
