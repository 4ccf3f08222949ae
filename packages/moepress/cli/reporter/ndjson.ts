import type { Output, Reporter } from './reporter.js';

/** Every event as one line of JSON. */
export function ndjsonReporter(output: Output): Reporter {
  return {
    progress: (event) => output.write(`${JSON.stringify(event)}\n`),
    close() {},
  };
}
