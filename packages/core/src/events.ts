/** What long work tells its caller. One stream feeds the bar, the CI log and NDJSON. */
export type ProgressEvent =
  | { readonly type: 'start'; readonly task: string; readonly total: number; readonly unit: string }
  | { readonly type: 'advance'; readonly task: string; readonly done: number; readonly note?: string }
  | { readonly type: 'end'; readonly task: string }
  | { readonly type: 'warning'; readonly message: string }
  /** Bytes of anonymous memory that the process is going to take at most, told before a run that may raise it. */
  | { readonly type: 'memory'; readonly predicted: number };

export type Progress = (event: ProgressEvent) => void;

/** For callers that do not listen. */
export const silent: Progress = () => {};

/** Common to every long operation. */
export interface Work {
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}
