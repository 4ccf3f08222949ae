/** What a side came to in a row, round by round. */
export interface SideResult {
  readonly name: string;
  /** Seconds of each round that counts. */
  readonly seconds: readonly number[];
  /** The highest anonymous memory of its processes, in bytes. */
  readonly anonymous: number;
  /** How a peer went about it, where it can go several ways. */
  readonly settings?: string | undefined;
}

/** A side that did not take part, and why. */
export interface Absent {
  readonly name: string;
  readonly missing: string;
}

/** A row of the table of peers. */
export interface RowResult {
  readonly shape: string;
  readonly layers: number;
  readonly row: string;
  /** What a round amounts to, and in what unit a second: none of either where only time counts. */
  readonly amount: number;
  readonly unit: string;
  readonly ours: SideResult;
  readonly peers: readonly (SideResult | Absent)[];
  /** What the machine could do at best, in the row's unit a second; null: not known. */
  readonly limit: number | null;
  readonly date: string;
  readonly commit: string;
}

const keyOf = ({ shape, layers, row }: RowResult) => [shape, layers, row].join();

/** Earlier rows, those that were measured again in their places, and behind them new ones; all of a shape together. */
export function mergedRows(earlier: readonly RowResult[], rows: readonly RowResult[]): RowResult[] {
  const all = new Map([...earlier, ...rows].map((row) => [keyOf(row), row]));
  const shapes = [...new Set([...all.values()].map(({ shape }) => shape))];
  return shapes.flatMap((shape) => [...all.values()].filter((row) => row.shape === shape));
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
