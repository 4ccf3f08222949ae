import { asWriteError } from '@moepress/checkpoint';
import { type ErrorOutput, reportError } from './error-report.js';

/**
 * Keeps Node from crashing on what it cannot write. A reader that has gone (`| head`) is no error;
 * a result that could not be stored is one, and is told. Without standard error work goes on unseen.
 */
export function watchStreams(errors: ErrorOutput): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EPIPE') return;
    process.exitCode = reportError(asWriteError(cause, 'standard output'), errors);
  });
}
