import { readFileSync } from 'node:fs';
import { PluginRegistry } from '@moepress/core';
import type { Context } from './context.js';
import { exitCodes, reportError } from './errors.js';
import { createPackageHost } from './host.js';
import { createProgram } from './program.js';
import { createReporter, type Reporter } from './reporter/index.js';

/** Runs the command and sets the exit code. Ctrl-C stops tidily, a second one at once. */
export async function main(argv: readonly string[]): Promise<void> {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);

  let reporter: Reporter | undefined;
  const json = argv.includes('--json');
  const context = (): Context => {
    reporter = createReporter({ ndjson: json });
    return {
      json,
      registry: new PluginRegistry(createPackageHost()),
      work: { progress: reporter.progress, signal: controller.signal },
      print: (text, data) => {
        reporter?.close();
        process.stdout.write(`${json ? JSON.stringify(data) : text}\n`);
      },
    };
  };
  try {
    await createProgram(ownVersion(), context).parseAsync(argv);
  } catch (error) {
    reporter?.close();
    process.exitCode = reportError(error, { json, write: (text) => process.stderr.write(text) });
  } finally {
    reporter?.close();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

function ownVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return JSON.parse(manifest).version;
}
