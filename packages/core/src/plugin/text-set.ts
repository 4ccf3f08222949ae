import type { Work } from '../events.js';

/** Texts that methods measure on and refiners train on, known by a name: `--calibration name:128x2048`. */
export interface TextSet {
  readonly specVersion: 1;
  /** Of letters, digits, "_", "-" and ".". */
  readonly name: string;
  readonly title: string;
  /** Where the texts come from, and on which terms. */
  readonly reference: string;
  /**
   * The documents, always the same and in the same order: which of them are taken, and how they are packed, is decided by the
   * specification that names the set.
   */
  documents(source: TextSource): Iterable<string> | Promise<Iterable<string>> | AsyncIterable<string>;
}

/** What a set can be made of. */
export interface TextSource extends Work {
  /**
   * The texts of a column of a dataset of the Hub, or of the folder that the user gave as `data`. Throws
   * `DATASET_NOT_FOUND`, `DATASET_INVALID` and the errors of the Hub.
   */
  column(dataset: TextColumn): Promise<readonly string[]>;
}

/** A column of a dataset. */
export interface TextColumn {
  /** Its id on the Hub, such as `Salesforce/wikitext`. */
  readonly dataset: string;
  readonly config: string;
  readonly split: string;
  readonly column: string;
}
