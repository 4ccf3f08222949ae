import type { Progress } from '@moepress/core';
import type { Command } from 'commander';
import type { Estimate, EstimatedPhase } from '../src/estimate/estimate.js';
import type { DescribedCommand } from './completion/described-command.js';
import type { Style } from './style.js';

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
  /** Common options of what the library does. */
  readonly work: { readonly onProgress: Progress; readonly signal: AbortSignal };
  /** Those asked for by `--plugin`. */
  readonly plugins: readonly string[];
  /** Tells what the work is going to take, and knows from then on what it consists of. */
  expect(estimate: Estimate): void;
  /** Knows what the work consists of, where that is not estimated. */
  phases(phases: readonly EstimatedPhase[]): void;
  /** How texts on standard output are coloured. */
  readonly style: Style;
  /** All commands with their options. */
  commands(): Promise<readonly DescribedCommand[]>;
  /** Prints a result on standard output: the text for people, the data with --json. */
  print(text: string, data: unknown): void;
  /** Adds a line for people below a result, as where it has been saved. */
  note(text: string): void;
}

/** Called when an action starts. */
export type MakeContext = (options: ContextOptions) => Promise<Context>;

/** What the module of a command exports: it gives a command its arguments, options and action. */
export type Define = (command: Command, context: MakeContext) => void;
