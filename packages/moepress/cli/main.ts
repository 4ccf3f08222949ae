import { printable } from '../src/format.js';
import { packageVersion } from '../src/package-root.js';
import type { Context, ContextOptions } from './context.js';
import type { ErrorOutput } from './error-report.js';
import { progressInFlags } from './flags.js';
import { listenForInterrupts } from './interrupts.js';
import type { TraceRecorder } from './profile.js';
import { createProgram } from './program.js';
import { createReporter, type Reporter } from './reporter/index.js';
import { watchStreams } from './streams.js';
import { styleFor } from './style.js';
import { estimateLine } from './text/estimate-text.js';

/** Runs the command and sets the exit code. What a command does not need is not loaded: see `createProgram`. */
export async function main(argv: readonly string[]): Promise<void> {
  const json = argv.includes('--json');
  const errors: ErrorOutput = {
    json,
    typed: argv.slice(2),
    write: (text) => process.stderr.write(text),
    style: styleFor(process.stderr),
  };
  watchStreams(errors);

  let reporter: Reporter | undefined;
  let recorder: TraceRecorder | undefined;
  const interrupts = listenForInterrupts((message) => reporter?.progress({ type: 'warning', message }));
  const context = async ({ profile, force, plugin = [] }: ContextOptions): Promise<Context> => {
    reporter = createReporter({ ndjson: json });
    const progress = progressInFlags(reporter.progress);
    if (profile !== undefined) {
      const { startRecorder } = await import('./profile.js');
      recorder = await startRecorder(profile, { force, progress });
    }
    return {
      plugins: plugin,
      work: { onProgress: recorder?.listening(progress) ?? progress, signal: interrupts.signal },
      expect: (estimate) => {
        reporter?.tell(estimateLine(estimate), { type: 'estimate', ...estimate });
        reporter?.phases(estimate.phases);
      },
      phases: (phases) => reporter?.phases(phases),
      style: styleFor(process.stdout),
      commands: async () => (await import('./describe-program.js')).describeProgram(),
      print: (text, data) => {
        reporter?.close();
        process.stdout.write(`${json ? JSON.stringify(data) : printable(text)}\n`);
      },
      note: (text) => {
        if (!json) process.stdout.write(`${printable(text)}\n`);
      },
    };
  };
  try {
    const program = await createProgram({ version: packageVersion(), argv, json, context });
    await program.parseAsync(argv);
    await recorder?.finish();
  } catch (error) {
    reporter?.close();
    const { reportError } = await import('./error-report.js');
    process.exitCode = reportError(error, errors, interrupts.name);
  } finally {
    await recorder?.close();
    reporter?.close();
    interrupts.stop();
  }
}
