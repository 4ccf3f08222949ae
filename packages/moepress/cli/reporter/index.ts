import { type Environment, styleFor } from '../style.js';
import { linesReporter } from './lines.js';
import type { Clock, Output, Reporter } from './tasks.js';
import { terminalReporter } from './terminal.js';

export type { Phase } from './phases.js';
export type { Output, Reporter } from './tasks.js';

export interface ReporterOptions {
  /** One JSON object an event instead of text. */
  readonly ndjson?: boolean | undefined;
  /** Default: standard error. */
  readonly output?: Output & { readonly isTTY?: boolean };
  readonly environment?: Environment;
  readonly now?: Clock;
}

/** NDJSON where asked for, a live bar on a terminal, else (a pipe, a dumb terminal, CI) plain lines. */
export function createReporter(options: ReporterOptions = {}): Reporter {
  const { ndjson, output = process.stderr, environment = process.env } = options;
  const now = options.now ?? (() => performance.now());
  if (ndjson) return ndjsonReporter(output);
  const live = output.isTTY && !environment.CI && environment.TERM !== 'dumb';
  const style = styleFor(output, environment);
  return live ? terminalReporter(output, now, style) : linesReporter(output, now, style);
}

/** Every event as one line of JSON. */
export function ndjsonReporter(output: Output): Reporter {
  return {
    progress: (event) => output.write(`${JSON.stringify(event)}\n`),
    phases() {},
    tell: (_, data) => output.write(`${JSON.stringify(data)}\n`),
    close() {},
  };
}
