import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Request } from './warm-command.js';

const entry = fileURLToPath(new URL('../../bin/moepress.js', import.meta.url));
const warmCommand = fileURLToPath(new URL('../../dist/cli/e2e/warm-command.js', import.meta.url));

/** Evidence that these tests leave: theirs alone, and shared by the tests of a file. */
const cache = mkdtempSync(join(tmpdir(), 'moepress-cache-'));
process.on('exit', () => rmSync(cache, { recursive: true, force: true }));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the built command in `cwd`, in a process that the commands of a test file share. With `watch`, which sees the
 * process while it runs, or variables of its own it gets a process to itself. Rejects with what it has said if a
 * signal ends it that `watch` has not sent: no command may end so.
 */
export function moepress(
  args: readonly string[],
  options: {
    cwd?: string;
    watch?: (child: ChildProcess) => void;
    env?: Record<string, string | undefined>;
  } = {},
): Promise<Outcome> {
  if (options.watch || options.env) return alone(args, options);
  const outcome = last.then(() => warm({ args, cwd: options.cwd ?? process.cwd() }));
  last = outcome.catch(() => {});
  return outcome;
}

const environment = { ...process.env, CI: 'true', MOEPRESS_CACHE: cache };
let shared: ChildProcess | undefined;
let last: Promise<unknown> = Promise.resolve();

function warm(request: Request): Promise<Outcome> {
  if (shared?.connected !== true) {
    shared = fork(warmCommand, {
      execArgv: [],
      env: environment,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    // The test need not end it: it ends when the test does.
    shared.unref();
    shared.channel!.unref();
  }
  const child = shared;
  return new Promise((resolve, reject) => {
    const ended = (_: number | null, signal: string | null) =>
      reject(new Error(`${request.args.join(' ')}: the process ended, by ${signal ?? 'itself'}.`));
    child.once('exit', ended);
    child.once('message', (outcome: Outcome) => {
      child.off('exit', ended);
      resolve(outcome);
    });
    child.send(request);
  });
}

function alone(
  args: readonly string[],
  { cwd, watch, env }: NonNullable<Parameters<typeof moepress>[1]>,
): Promise<Outcome> {
  const child = spawn(process.execPath, [entry, ...args], { cwd, env: { ...environment, ...env } });
  watch?.(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (signal === null || child.killed) resolve({ code, stdout, stderr });
      else reject(new Error(`${args.join(' ')}: ended by ${signal}.\n${stdout}\n${stderr}`));
    });
  });
}

/** A folder that is removed when `use` is done. */
export async function inTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'moepress-e2e-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
