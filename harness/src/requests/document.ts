/** One row of a dataset. */
export interface Document {
  /** Position in the scored split. */
  readonly id: number;
  /** The row with all its columns in their order, on which its hash depends. */
  readonly row: Readonly<Record<string, unknown>>;
  /** The row as the task's schema understood it: what templates see. */
  readonly fields: unknown;
}
