import type { Progress } from '@moepress/core';

/** Shows progress events somewhere. */
export interface Reporter {
  readonly progress: Progress;
  /** Leaves the output tidy, also in the middle of a task. */
  close(): void;
}

/** Where a reporter writes: standard error, so that standard output holds results only. */
export interface Output {
  readonly columns?: number;
  write(text: string): unknown;
}
