import type { Work } from '@moepress/core';

/** A dataset as a task names it. */
export interface Dataset {
  /** Hub id such as openai/gsm8k; `json` or `text` for a dataset given by its files. */
  readonly path: string;
  /** Configuration of a Hub dataset. */
  readonly config: string;
  /** File of each split, relative to its folder; null for a Hub dataset. */
  readonly files: Readonly<Record<string, string>> | null;
  /** The folder of files; that of the embedded datasets if absent. */
  readonly folder?: string;
  /** File of each split in the Hub's repository; its Parquet files if absent. */
  readonly hubFiles?: Readonly<Record<string, string>>;
}

export type Row = Readonly<Record<string, unknown>>;

/** Rows of one split in order, each with its columns in order. */
export interface Rows {
  readonly rows: readonly Row[];
  /** The file they came from, for error messages. */
  readonly where: string;
}

/** The reason why a source does not have a split, as the end of a sentence. */
export interface Missing {
  readonly missing: string;
}

/** Options for reading rows. */
export interface LoadOptions extends Work {
  /** The only columns that are needed; all if absent. Other columns may be left out and need not be readable. */
  readonly columns?: readonly string[] | undefined;
}

/** A source of rows. */
export interface DatasetSource {
  load(dataset: Dataset, split: string, options?: LoadOptions): Promise<Rows | Missing>;
}
