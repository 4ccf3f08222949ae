import { readFileSync } from 'node:fs';
import { PluginRegistry } from '@moepress/core';
import { claimFile } from '../src/files/output.js';
import { printable } from '../src/format.js';
import { findPlugins } from '../src/methods/plugin-host.js';
import { packageFile } from '../src/package-root.js';
import type { Context, ContextOptions } from './context.js';
import { type ErrorOutput, reportError } from './error-report.js';
import { listenForInterrupts } from './interrupts.js';
import { TraceRecorder } from './profile.js';
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
  const context = async ({ profile, force, plugin }: ContextOptions): Promise<Context> => {
    reporter = createReporter({ ndjson: json });
    const { progress } = reporter;
    const plugins = findPlugins({
      ...(plugin && { asked: plugin }),
      tell: (message) => progress({ type: 'warning', message }),
    });
    if (profile !== undefined) {
      recorder = new TraceRecorder(await claimFile(profile, 'profile', { force, progress }));
    }
    return {
      json,
      registry: new PluginRegistry(plugins.installed),
      bundled: new PluginRegistry(plugins.bundled),
      otherPlugins: plugins.others(),
      work: {
        progress: recorder?.listening(progress) ?? progress,
        signal: interrupts.signal,
      },
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
    await createProgram({ version: ownVersion(), json, context }).parseAsync(argv);
    await recorder?.finish();
  } catch (error) {
    reporter?.close();
    process.exitCode = reportError(error, errors, interrupts.name);
  } finally {
    await recorder?.close();
    reporter?.close();
    interrupts.stop();
  }
}

function ownVersion(): string {
  const manifest = readFileSync(packageFile('package.json'), 'utf8');
  return JSON.parse(manifest).version;
}
