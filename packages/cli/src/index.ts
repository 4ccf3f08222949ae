import { readFileSync } from 'node:fs';
import { PluginRegistry } from '@moepress/core';
import type { Context } from './context.js';
import { type ErrorOutput, reportError } from './errors.js';
import { printable } from './format.js';
import { createPackageHost } from './host.js';
import { listenForInterrupts } from './interrupts.js';
import { TraceRecorder } from './profile/trace.js';
import { createProgram } from './program.js';
import { createReporter, type Reporter } from './reporter/index.js';
import { watchStreams } from './streams.js';

/** Runs the command and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const json = argv.includes('--json');
  const errors: ErrorOutput = { json, write: (text) => process.stderr.write(text) };
  watchStreams(errors);

  let reporter: Reporter | undefined;
  let recorder: TraceRecorder | undefined;
  const interrupts = listenForInterrupts((message) => reporter?.progress({ type: 'warning', message }));
  const context = (): Context => {
    reporter = createReporter({ ndjson: json });
    const profile = profileFile(argv);
    recorder = profile === undefined ? undefined : new TraceRecorder(profile);
    return {
      json,
      registry: new PluginRegistry(createPackageHost()),
      work: {
        progress: recorder?.listening(reporter.progress) ?? reporter.progress,
        signal: interrupts.signal,
      },
      print: (text, data) => {
        reporter?.close();
        process.stdout.write(`${json ? JSON.stringify(data) : printable(text)}\n`);
      },
    };
  };
  try {
    await createProgram({ version: ownVersion(), json, context }).parseAsync(argv);
    recorder?.finish();
  } catch (error) {
    reporter?.close();
    process.exitCode = reportError(error, errors);
  } finally {
    reporter?.close();
    interrupts.stop();
  }
}

/** The file that `--profile` names, which is needed before the options of the command are known. */
function profileFile(argv: readonly string[]): string | undefined {
  const at = argv.findIndex((argument) => argument === '--profile' || argument.startsWith('--profile='));
  if (at < 0) return undefined;
  return argv[at]!.includes('=') ? argv[at]!.slice('--profile='.length) : argv[at + 1];
}

function ownVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return JSON.parse(manifest).version;
}
