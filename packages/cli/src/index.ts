import { readFileSync } from 'node:fs';
import { PluginRegistry } from '@moepress/core';
import type { Context } from './context.js';
import { type ErrorOutput, reportError } from './errors.js';
import { printable } from './format.js';
import { createPackageHost } from './host.js';
import { listenForInterrupts } from './interrupts.js';
import { createProgram } from './program.js';
import { createReporter, type Reporter } from './reporter/index.js';
import { watchStreams } from './streams.js';

/** Runs the command and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const json = argv.includes('--json');
  const errors: ErrorOutput = { json, write: (text) => process.stderr.write(text) };
  watchStreams(errors);

  let reporter: Reporter | undefined;
  const interrupts = listenForInterrupts((message) => reporter?.progress({ type: 'warning', message }));
  const context = (): Context => {
    reporter = createReporter({ ndjson: json });
    return {
      json,
      registry: new PluginRegistry(createPackageHost()),
      work: { progress: reporter.progress, signal: interrupts.signal },
      print: (text, data) => {
        reporter?.close();
        process.stdout.write(`${json ? JSON.stringify(data) : printable(text)}\n`);
      },
    };
  };
  try {
    await createProgram({ version: ownVersion(), json, context }).parseAsync(argv);
  } catch (error) {
    reporter?.close();
    process.exitCode = reportError(error, errors);
  } finally {
    reporter?.close();
    interrupts.stop();
  }
}

function ownVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return JSON.parse(manifest).version;
}
