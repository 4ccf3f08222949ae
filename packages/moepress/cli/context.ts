import type { InstalledPlugin, PluginRegistry, Progress } from '@moepress/core';

/** Options of many commands that decide what they get. */
export interface ContextOptions {
  /** File of a trace of what took the time. */
  readonly profile?: string;
  readonly force?: boolean;
  /** Paths or names of plugins. */
  readonly plugin?: readonly string[];
}

/** What every command gets: where to write, whom to tell, when to stop. */
export interface Context {
  /** Machine-readable output. */
  readonly json: boolean;
  /** Of all plugins that the user has installed. */
  readonly registry: PluginRegistry;
  /** Of those that came with the command, and those asked for by `--plugin`. */
  readonly bundled: PluginRegistry;
  /** All others: nothing of them is loaded unless a method of theirs is asked for. */
  readonly otherPlugins: readonly InstalledPlugin[];
  readonly work: { readonly progress: Progress; readonly signal: AbortSignal };
  /** Prints a result on standard output: the text for people, the data with --json. */
  print(text: string, data: unknown): void;
  /** Adds a line for people below a result, as where it has been saved. */
  note(text: string): void;
}
