import type { Metric } from '../metric.js';
import type { BoardRow } from './board-row.js';
import type { Cell } from './cell.js';
import { DocumentReader, meanScores } from './document-scores.js';
import { isBetter, isBetterOnAverage } from './significance.js';

/** A row with what it is significantly better than. */
export interface ComparedRow extends BoardRow {
  /**
   * Places of the rows that this one is significantly better than, of those of the same model and ratio: by the average,
   * then by each metric.
   */
  readonly better: readonly (readonly number[])[];
}

/** Rows of one group are compared: compressed models of one base that have lost as much. The original is in none. */
export const groupOf = ({ model, revision, method, ratio }: BoardRow): string | null =>
  method === null ? null : JSON.stringify([model, revision, ratio.toFixed(3)]);

type Rows = readonly { readonly row: BoardRow; readonly cells: readonly Cell[] }[];

/** Compares each row with those of its group on the documents that both were asked; what it has found it does not do again. */
export class RowComparer {
  readonly #reader: DocumentReader;
  readonly #known = new Map<string, boolean>();

  /** `out`: the folder of the leaderboard. */
  constructor(out: string) {
    this.#reader = new DocumentReader(out);
  }

  async compare(rows: Rows, metrics: readonly Metric[]): Promise<ComparedRow[]> {
    const scores = await Promise.all(
      rows.map(async ({ cells }) =>
        meanScores(await Promise.all(cells.map((cell) => this.#reader.read(cell, metrics)))),
      ),
    );
    const groups = rows.map(({ row }) => groupOf(row));
    const places = rows.map(({ cells }) => cells.map(({ results }) => results).join());
    return rows.map(({ row }, i) => {
      const others = groups.flatMap((group, j) =>
        j !== i && group !== null && group === groups[i] ? [j] : [],
      );
      const better = (test: string, run: (other: number) => boolean) =>
        others.filter((j) => this.#once(`${test} ${places[i]} ${places[j]}`, () => run(j)));
      return {
        ...row,
        better: [
          better(`average ${metrics.length}`, (j) => isBetterOnAverage(scores[i]!, scores[j]!, metrics)),
          ...metrics.map(({ task, key }) =>
            better(`${task} ${key}`, (j) => isBetter(scores[i]!.get(task), scores[j]!.get(task))),
          ),
        ],
      };
    });
  }

  #once(key: string, test: () => boolean): boolean {
    const known = this.#known.get(key) ?? test();
    this.#known.set(key, known);
    return known;
  }
}

/**
 * Whether a row is the best of its group by the average (`column` 0) or a metric (1 and on), significantly better than every
 * other of it. Being better than all of them needs no correction for their number.
 */
export function isBest(rows: readonly ComparedRow[], place: number, column: number): boolean {
  const group = groupOf(rows[place]!);
  const others = rows.flatMap((row, j) => (j !== place && groupOf(row) === group ? [j] : []));
  return group !== null && others.length > 0 && others.every((j) => rows[place]!.better[column]?.includes(j));
}
