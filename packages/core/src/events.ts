/** Progress that long operations report to their caller. One stream feeds the progress bar, the CI log and NDJSON. */
export type ProgressEvent =
  | { readonly type: 'start'; readonly task: string; readonly total: number; readonly unit: string }
  | { readonly type: 'advance'; readonly task: string; readonly done: number; readonly note?: string }
  | { readonly type: 'end'; readonly task: string }
  | { readonly type: 'warning'; readonly message: string }
  /** The most bytes of anonymous memory that the process is going to take, reported before a run that may raise it. */
  | { readonly type: 'memory'; readonly predicted: number };

export type Progress = (event: ProgressEvent) => void;

/** A listener that ignores all events. */
export const silent: Progress = () => {};

/** Options that every long operation has. */
export interface Work {
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}
