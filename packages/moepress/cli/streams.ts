import type { ErrorOutput } from './error-report.js';

/**
 * Keeps Node from crashing on what it cannot write. A reader that has gone (`| head`) is no error;
 * a result that could not be stored is one, and is told. Without standard error work goes on unseen.
 */
export function watchStreams(errors: ErrorOutput): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', async (cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EPIPE') return;
    // Loaded only when it is needed, as whatever every command would wait for.
    const [{ asWriteError }, { reportError }] = await Promise.all([
      import('@moepress/checkpoint'),
      import('./error-report.js'),
    ]);
    process.exitCode = reportError(asWriteError(cause, 'standard output'), errors);
  });
}
