import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../bin/moepress.js', import.meta.url));

/** Evidence that these tests leave: theirs alone, and shared by the tests of a file. */
const cache = mkdtempSync(join(tmpdir(), 'moepress-cache-'));
process.on('exit', () => rmSync(cache, { recursive: true, force: true }));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the built command in `cwd`; `watch` sees the process while it runs. Rejects with what it has said if a
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
  const child = spawn(process.execPath, [entry, ...args], {
    cwd: options.cwd,
    env: { ...process.env, CI: 'true', MOEPRESS_CACHE: cache, ...options.env },
  });
  options.watch?.(child);
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
