import { linesReporter } from './lines.js';
import { ndjsonReporter } from './ndjson.js';
import type { Output, Reporter } from './reporter.js';
import type { Clock } from './tasks.js';
import { terminalReporter } from './terminal.js';

export type { Output, Reporter } from './reporter.js';

export interface ReporterOptions {
  /** One JSON object an event instead of text. */
  readonly ndjson?: boolean | undefined;
  /** Default: standard error. */
  readonly output?: Output & { readonly isTTY?: boolean };
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly now?: Clock;
}

/** NDJSON where asked for, a live bar on a terminal, else (a pipe, a dumb terminal, CI) plain lines. */
export function createReporter(options: ReporterOptions = {}): Reporter {
  const { ndjson, output = process.stderr, environment = process.env } = options;
  const now = options.now ?? (() => performance.now());
  if (ndjson) return ndjsonReporter(output);
  const live = output.isTTY && !environment.CI && environment.TERM !== 'dumb';
  return live ? terminalReporter(output, now) : linesReporter(output, now);
}
