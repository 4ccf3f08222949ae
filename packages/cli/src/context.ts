import type { PluginRegistry, Progress } from '@moepress/core';

/** What every command gets: where to write, whom to tell, when to stop. */
export interface Context {
  /** Machine-readable output. */
  readonly json: boolean;
  readonly registry: PluginRegistry;
  readonly work: { readonly progress: Progress; readonly signal: AbortSignal };
  /** Prints a result on standard output: the text for people, the data with --json. */
  print(text: string, data: unknown): void;
}
