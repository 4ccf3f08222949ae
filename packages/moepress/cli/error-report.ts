import { type ErrorCode, MoepressError, presentable } from '@moepress/core';
import { CommanderError } from 'commander';
import { printable } from '../src/format.js';
import { inFlags, whereInFlags } from './flags.js';
import type { Style } from './style.js';

/** Exit codes of the command. */
export const exitCodes = {
  success: 0,
  /** Something the user can fix: a damaged file, no network, a full disk. */
  failure: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** A fault of moepress (EX_SOFTWARE of sysexits.h). */
  internal: 70,
  /** Stopped by Ctrl-C: 128 + SIGINT. */
  interrupted: 130,
  /** Stopped by SIGTERM: 128 + its number. */
  terminated: 143,
} as const;

const usageErrors = new Set<ErrorCode>([
  'INPUT_INVALID',
  'METHOD_UNKNOWN',
  'OPTIONS_INVALID',
  'TASK_UNKNOWN',
]);

/** The exit code a thrown value stands for; `stoppedBy` is the signal that stopped the work, if one did. */
export function exitCodeFor(error: unknown, stoppedBy: NodeJS.Signals | null = null): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.usage;
  if (isAbort(error)) return stoppedBy === 'SIGTERM' ? exitCodes.terminated : exitCodes.interrupted;
  if (!MoepressError.isInstance(error) || error.code === 'ENGINE_FAILED') return exitCodes.internal;
  return usageErrors.has(error.code) ? exitCodes.usage : exitCodes.failure;
}

/** Characters of a stack. */
const maxTrace = 8000;

/** How errors are told: for people, or as one JSON object a line. */
export interface ErrorOutput {
  readonly json: boolean;
  /** The arguments of the command: none of them is an option of the library. */
  readonly typed?: readonly string[];
  write(text: string): void;
  /** How texts for people are coloured; default: not at all. */
  readonly style?: Style;
}

/** Tells what was wrong, where and how to fix it; returns the exit code. */
export function reportError(
  error: unknown,
  output: ErrorOutput,
  stoppedBy: NodeJS.Signals | null = null,
): number {
  const exitCode = exitCodeFor(error, stoppedBy);
  if (output.json)
    output.write(`${JSON.stringify({ type: 'error', ...describe(error, output.typed), exitCode })}\n`);
  // commander has already told people what it did not understand.
  else if (!(error instanceof CommanderError))
    output.write(`${inColours(printable(forPeople(error, output.typed)), output.style)}\n`);
  return exitCode;
}

function describe(error: unknown, typed?: readonly string[]) {
  if (MoepressError.isInstance(error)) {
    return { code: error.code, ...inWords(error, typed) };
  }
  const message = presentable(error instanceof Error ? error.message : String(error));
  if (error instanceof CommanderError) {
    return {
      code: 'USAGE',
      message: message.replace(/^error: /, ''),
      where: null,
      hint: 'See moepress <command> --help.',
    };
  }
  if (isAbort(error)) return { code: 'ABORTED', message, where: null, hint: 'Run the same command again.' };
  const stack = error instanceof Error ? presentable(error.stack ?? '', maxTrace) : undefined;
  return { code: 'INTERNAL', message, where: null, hint: 'Report this as a fault of moepress.', stack };
}

/** What an error says, with the command's flags for the library's options. */
const inWords = ({ message, where, hint }: MoepressError, typed?: readonly string[]) => ({
  message: inFlags(message),
  where: where === undefined ? null : whereInFlags(where, typed),
  hint: inFlags(hint),
});

function forPeople(error: unknown, typed?: readonly string[]): string {
  if (isAbort(error)) return 'Stopped.';
  if (MoepressError.isInstance(error)) {
    const { message, where, hint } = inWords(error, typed);
    const lines = [`error: ${message}`];
    if (where) lines.push(`  where: ${where}`);
    lines.push(`  hint:  ${hint}`);
    // The author of a plugin needs to see where it failed.
    if (error.code === 'PLUGIN_INVALID' && error.cause instanceof Error)
      lines.push(presentable(`${error.cause.stack}`, maxTrace));
    return lines.join('\n');
  }
  const trace = presentable(
    error instanceof Error ? (error.stack ?? error.message) : String(error),
    maxTrace,
  );
  return `internal error: ${trace}\n  This is a fault of moepress. Please report it with the lines above and the command you ran.`;
}

/** The words before what is wrong and how to mend it. */
const inColours = (text: string, style: Style = (_, same) => same): string =>
  text
    .replace(/^(internal )?error:/, (word) => style('red', word))
    .replace(/^ {2}hint:/m, (word) => style('cyan', word));

/** Our own ABORTED, and what Node's functions throw when their signal fires. */
function isAbort(error: unknown): boolean {
  if (MoepressError.isInstance(error)) return error.code === 'ABORTED';
  return error instanceof Error && error.name === 'AbortError';
}
